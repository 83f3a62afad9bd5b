"""`affmem serve`: a camera in the browser, the reading of it on this machine (extra "serve").

    browser -> gate (host, origin, token, rate) -> watch (newest frame wins) -> pool -> session

The page and the programs that use the API talk to the same few addresses: docs/serve.md.
"""
