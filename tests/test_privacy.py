"""What may not be left behind: faces that nobody asked for, and whoever was erased."""

import base64
import gzip
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from affmem import Runtime, load
from affmem.catalogue import catalogue
from affmem.values import Kept
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
    folder.with_suffix(".toml").write_text(f'[dataset]\nuse = "omg"\nroot = "{folder}"\n')
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


KUNIGUNDE, WOLFRAM = "Kunigunde Ahlers", "Wolfram"


@pytest.fixture(scope="module")
def seen(corpus, tmp_path_factory):
    """A run of two persons by name, with all that it may keep, and a store of their memories."""
    folder = tmp_path_factory.mktemp("seen")
    (folder / "data").mkdir()
    dataset = load(corpus.parent / "omg.toml").dataset.build(Runtime())
    rows = ["file,person,arousal,valence"]
    for clip, person in zip(dataset.clips(), (KUNIGUNDE, WOLFRAM), strict=True):
        for number, frame in enumerate(itertools.islice(dataset.frames(clip), 4)):
            name = f"{person.partition(' ')[0]}-{number}.png"
            Image.fromarray(frame.image).save(folder / "data" / name)
            rows.append(f"{name},{person},0.1,0.2")
    (folder / "data" / "labels.csv").write_text("\n".join(rows))
    (folder / "two.toml").write_text(
        f'resamples = 20\n[dataset]\nuse = "folder"\nroot = "{folder / "data"}"\n'
        '[memory]\nuse = "gwr"\n[start]\nedits = 9\nframes = 1\nepochs = 1\n'
        "[report]\nfaces = true\n"
    )
    load(folder / "two.toml").run(folder / "runs" / "two")
    with (folder / "runs" / "two" / "log.txt").open("a") as log:
        log.write(f"note: clip Kunigunde-0.png of {KUNIGUNDE} shows no face\n")
    store = catalogue().config("store", "sql")(file=folder / "store.sqlite").build(Runtime())
    kept = folder / "runs" / "two" / "memories"
    for name, file in json.loads((kept / "people.json").read_text()).items():
        state = load_file(kept / file)
        version = 0
        for _ in range(3):  # older versions leave free pages
            version = store.save(name, Kept(state, 4, len(state["weights"])), version)
        store.consent(name, datetime.now(UTC), datetime.now(UTC) + timedelta(days=1))
    store.close()
    (folder / "cache" / "faces-0123").mkdir(parents=True)
    np.save(folder / "cache" / "faces-0123" / "faces.npy", np.arange(99, dtype=np.uint8))
    return folder


def needles(folder):
    """What would tell of her: her name as text is written, and the numbers of her units."""
    kept = folder / "runs" / "two" / "memories"
    names = json.loads((kept / "people.json").read_text())
    weights = load_file(kept / names[KUNIGUNDE])["weights"]
    name = KUNIGUNDE.encode()
    return [
        name, KUNIGUNDE.encode("utf-16-le"), *(base64.b64encode(name[i:-3])[:16] for i in range(3)),
        *(unit.astype(np.float32).tobytes()[:64] for unit in weights),
    ]  # fmt: skip


def holding(folder, needles):
    return {path.name for path, data in texts(folder) if any(one in data for one in needles)}


def affmem(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "affmem", *map(str, words)],
        capture_output=True, text=True, cwd=cwd, check=False,
        env={**os.environ, "XDG_DATA_HOME": str(cwd)},
    )  # fmt: skip


def test_erased_not_a_byte_of_a_person_is_left_in_store_runs_or_caches(seen, tmp_path):
    folder = tmp_path / "seen"
    shutil.copytree(seen, folder, ignore=shutil.ignore_patterns("data"))
    wanted = needles(folder)
    found = {"store.sqlite", "frames.csv", "utterances.csv", "people.json", "edits.json", "log.txt"}
    assert found < holding(folder, wanted)
    before = {path: path.read_bytes() for path in (folder / "runs" / "two").rglob("*.png")}
    (folder / "runs" / "two" / "report.rrd").write_bytes(b"another reporter's")
    told = affmem(
        "people", "erase", KUNIGUNDE, "--store", "store.sqlite", "--cache", "cache", "--yes",
        cwd=folder,
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, "")
    assert holding(folder, wanted) == set()
    assert not (folder / "cache" / "faces-0123").exists()
    run = folder / "runs" / "two"
    pictures = {path.name for path in run.rglob("*.png")}
    assert pictures == {"1.png", "1-face.png"}
    assert all(path.read_bytes() == before[path] for path in run.rglob("*.png"))
    rows = [line.split(",")[1] for line in (run / "frames.csv").read_text().splitlines()[1:]]
    assert rows == [WOLFRAM] * 4
    assert WOLFRAM in (run / "report.html").read_text()
    assert not (run / "report.rrd").exists()
    store = catalogue().config("store", "sql")(file=folder / "store.sqlite").build(Runtime())
    kept, _ = store.load(WOLFRAM)
    store.close()
    other = load_file(run / "memories" / "1.safetensors")
    assert all(np.array_equal(kept.state[name], array) for name, array in other.items())


def test_a_run_of_that_person_alone_goes_as_a_whole_and_other_files_that_name_them_are_told(
    seen, tmp_path
):
    run = tmp_path / "runs" / "one"
    shutil.copytree(seen / "runs" / "two", run)
    for table in ("frames.csv", "utterances.csv"):
        lines = (run / table).read_text().splitlines(keepends=True)
        (run / table).write_text("".join(line for line in lines if WOLFRAM not in line))
    (run / "memories" / "people.json").write_text(json.dumps({KUNIGUNDE: "0.safetensors"}))
    (tmp_path / "runs" / "mine.txt").write_text(f"{KUNIGUNDE} came in May")
    told = affmem("people", "erase", KUNIGUNDE, "--runs", "runs", "--yes", cwd=tmp_path)
    assert told.returncode == 1
    assert told.stderr.splitlines() == ["still has the name: runs/mine.txt"]
    assert not run.exists()
