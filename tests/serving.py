"""A real server on a free port of loopback, for tests."""

import json
import threading
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO

import httpx
import numpy as np
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from affmem.experiment import Watching, structure
from affmem.serve.hall import hall
from affmem.serve.limits import Limits
from affmem.serve.server import listening, server


def experiment(folder, **tables):
    """Every picture is a face; memories are in `folder`."""
    return structure(
        {
            "faces": {"use": "none"},
            "memory": {"use": "personal"},
            "store": {"use": "sql", "file": str(folder / "memories.sqlite")},
            **tables,
        },
        Watching,
    )


@contextmanager
def serving(named, token=None, **limits):
    """The server's origin, such as http://127.0.0.1:41234."""
    running = server(hall(named, Limits(**limits)), token)
    with listening("127.0.0.1", 0) as bound:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            address = f"http://127.0.0.1:{bound.getsockname()[1]}"
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            for _ in range(100):  # connections wait in the socket until it answers
                with suppress(httpx.TransportError):
                    httpx.get(f"{address}/api/health", headers=headers)
                    break
            yield address
        finally:
            running.should_exit = True
            thread.join()


def picture(number=0, kind="JPEG", side=96):
    """A picture's file; another number, another picture."""
    noise = np.random.default_rng(number).integers(0, 255, (side, side, 3), np.uint8)
    held = BytesIO()
    Image.fromarray(noise).save(held, kind)
    return held.getvalue()


class Camera:
    """A client that watches."""

    def __init__(self, address, **headers):
        url = f"{address.replace('http', 'ws')}/api/watch"
        self.held = ExitStack()
        self.socket = self.held.enter_context(
            connect(url, additional_headers=headers, max_size=None)
        )

    def say(self, **word):
        self.socket.send(json.dumps(word))

    def hear(self, kind, **known):
        """The next message of this kind and content; others before it are passed over."""
        while True:
            message = json.loads(self.socket.recv(timeout=20))
            if message["type"] == kind and known.items() <= message.items():
                return message

    def show(self, data=None):
        """Show a picture; what is read of it."""
        self.socket.send(data or picture())
        return self.hear("reading")

    def start(self, person, days=30):
        """Agree, and be met."""
        self.say(type="start", person=person, days=days)
        told = self.hear("person", person=person)
        self.show()
        return told

    def ended(self):
        """The code that the server ends the connection with."""
        try:
            while True:
                self.socket.recv(timeout=20)
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else None

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.held.close()
