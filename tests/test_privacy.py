"""What a run may not leave behind: pictures of faces that nobody asked for."""

import base64
import gzip
import itertools
import re

import numpy as np
import pytest

from affmem import Runtime, load
from affmem.catalogue import catalogue
from affmem_faces.config import MTCNNConfig

HEADERS = {
    "PNG": (b"\x89PNG\r\n\x1a\n", base64.b64encode(b"\x89PNG\r\n\x1a\n")[:10]),
    "JPEG": (b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1", b"\xff\xd8\xff\xdb", b"/9j/4AAQSk"),
    "WebP": (b"WEBPVP8", b"V0VCUFZQO", b"dFQlBWUD", b"XRUJQVlA"),  # base64 at any offset
    "data URI": (b"data:image/",),
}


def texts(folder):
    """The bytes of all files, and of what is packed in the report's page."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            yield path, data
            for packed in re.findall(rb">(H4sI[A-Za-z0-9+/=]+)<", data):
                plain = gzip.decompress(base64.b64decode(packed))
                if b"plotly.js" not in plain[:400]:  # the library's own icons are no faces
                    yield path, plain


def pictures(folder):
    """Which files hold what looks like a picture."""
    return {
        path.name
        for path, data in texts(folder)
        if any(head in data for heads in HEADERS.values() for head in heads)
    }


def pixels(folder, faces):
    """Which files hold a line of pixels of any of the faces, as bytes or as float32."""
    lines = set()
    for face in faces:
        image = np.clip((face.transpose(1, 2, 0) + 1) * 127.5 + 0.5, 0, 255).astype(np.uint8)
        for row in range(20, 80, 10):
            lines |= {image[row].tobytes(), face[0, row].tobytes()}
    return {path.name for path, data in texts(folder) for line in lines if line in data}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "omg"
    sizes = {"persons": 2, "utterances": 1, "seconds": 1.0, "train": 0, "validation": 0}
    catalogue().config("maker", "omg")(**sizes).build(Runtime()).make(folder, lambda *_: None)
    return folder


def watched(corpus, out, *words):
    path = out.with_suffix(".toml")
    path.write_text(
        f'resamples = 20\n[dataset]\nuse = "omg"\nroot = "{corpus}"\n'
        '[memory]\nuse = "gwr"\n[start]\nedits = 9\nframes = 1\nepochs = 1\n'
    )
    experiment = load(path, words)
    experiment.run(out)
    dataset = experiment.dataset.build(Runtime(seed=experiment.seed))
    frames = itertools.chain.from_iterable(dataset.frames(clip) for clip in dataset.clips())
    faces = MTCNNConfig().build(Runtime()).find(frame.image for frame in frames)
    return [face for face in faces if face is not None]


def test_a_run_leaves_no_picture_of_a_face_unless_asked(corpus, tmp_path):
    faces = watched(corpus, tmp_path / "out")
    assert len(faces) > 10
    assert pictures(tmp_path / "out") == pixels(tmp_path / "out", faces) == set()
    assert "[report] faces = true" in (tmp_path / "out" / "report.html").read_text()


def test_a_run_that_is_asked_leaves_them_and_the_search_sees_them(corpus, tmp_path):
    watched(corpus, tmp_path / "out", "report.faces=true", "gallery=1")
    assert pictures(tmp_path / "out") == {"0.png", "0-face.png", "report.html"}
    assert "[report] faces = true" not in (tmp_path / "out" / "report.html").read_text()
