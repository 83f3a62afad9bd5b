"""`affmem serve`: a page that a camera and a browser are enough for."""

from collections.abc import Sequence
from pathlib import Path

import click

from affmem.commands import FILE, overrides, speak
from affmem.errors import UserError


@click.command()
@click.option("--experiment", type=FILE, help="Whose parts and store to serve [built in].")
@overrides
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--token-file",
    type=FILE,
    help="What clients must know, demanded beyond loopback; made where there is no such file.",
)
@click.option("--certificate", type=FILE, help="TLS certificate, PEM: cameras need it elsewhere.")
@click.option("--key", type=FILE, help="Its private key, PEM.")
def serve(
    *, experiment: Path | None, overrides: Sequence[str], host: str, port: int,
    token_file: Path | None, certificate: Path | None, key: Path | None,
) -> None:  # fmt: skip
    """Serve a page that reads the face before the camera, and remembers it if asked to.

    Everything stays on this machine. Ctrl-C ends it.
    """
    try:
        from affmem.serve.server import check_reach, listening, server, token_in
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "affmem":
            raise
        raise UserError(f"serving needs {error.name}: pip install affmem[serve]") from None
    from affmem.experiment import watching
    from affmem.serve.hall import hall
    from affmem.serve.limits import Limits

    if (certificate is None) != (key is None):
        raise UserError("--certificate and --key: expected both or neither")
    speak(silent=False)
    token = token_in(token_file) if token_file else None
    check_reach(host, token)
    file = experiment or Path(__file__).with_name("serve") / "serve.toml"
    tls = (certificate, key) if certificate and key else None
    serving = server(hall(watching(file, overrides), Limits()), token, tls)
    with listening(host, port) as bound:
        shown = f"[{host}]" if ":" in host else host
        scheme = "https" if certificate else "http"
        click.echo(f"{scheme}://{shown}:{bound.getsockname()[1]}/")
        try:
            serving.run(sockets=[bound])
        except KeyboardInterrupt:  # uvicorn has ended in order, and passes the signal on
            return
