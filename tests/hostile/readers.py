"""Every place where affmem reads bytes that others wrote, with small valid files to begin from."""

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from attrs import field, frozen

from affmem.protocols import DatasetConfig

PACKAGE = Path(__file__).parents[2]
FRAMES = 60
"""Of a video, so many are decoded: longer than any valid one here."""


@frozen
class Reader:
    """One reader: how it's made ready, what it reads, and how many files it's worth."""

    name: str
    share: int
    """Of each thousand files."""
    prepare: Callable[[Path], Sequence[Path]]
    """Writes valid files into a folder; gives those that are made wrong."""
    read: Callable[[Path], object]
    """Reads such a file, as a command would."""
    words: tuple[bytes, ...] = field(default=(), repr=False)
    """What has a meaning in such files."""


# --- pictures and videos ----------------------------------------------------------------------


def _pictures(folder: Path) -> Sequence[Path]:
    from PIL import Image

    grey = np.linspace(0, 255, 24 * 16).astype(np.uint8).reshape(16, 24)
    colour = Image.fromarray(np.stack([grey, grey[::-1], grey[:, ::-1]], axis=-1))
    upright = Image.Exif()
    upright[0x0112] = 6
    kinds = {
        "a.png": (colour, {}), "a.jpg": (colour, {"exif": upright}), "a.webp": (colour, {}),
        "a.bmp": (colour, {}), "a.tif": (colour, {"compression": "tiff_lzw"}),
        "palette.png": (colour.convert("P"), {}), "alpha.png": (colour.convert("RGBA"), {}),
        "deep.png": (Image.fromarray(grey.astype(np.uint16) * 257), {}),
        "cmyk.jpg": (colour.convert("CMYK"), {}), "grey.jpg": (colour.convert("L"), {}),
        "deflated.tif": (colour, {"compression": "tiff_adobe_deflate"}),
        "moving.webp": (colour, {"save_all": True, "append_images": [colour.rotate(180)] * 2}),
        "gif.png": (colour, {"format": "GIF"}),
    }  # fmt: skip
    for name, (image, how) in kinds.items():
        image.save(folder / name, **how)
    return [folder / name for name in kinds]


def _read_picture(path: Path) -> object:
    from affmem.video import Recording

    return list(Recording(path).frames())


VIDEOS = {
    "a.mp4": "libx264", "a.mkv": "libx264", "a.ts": "libx264", "a.avi": "mjpeg", "a.webm": "libvpx",
    "a.mov": "mpeg4",
}  # fmt: skip


def _videos(folder: Path) -> Sequence[Path]:
    import av

    for name, codec in VIDEOS.items():
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height = 32, 32
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for level in range(8):
                image = np.full((32, 32, 3), 30 * level, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
            container.mux(stream.encode())
    return [folder / name for name in VIDEOS]


def _read_video(path: Path) -> object:
    from affmem.video import Recording

    recording = Recording(path)
    whole = sum(image.size for _, image in islice(recording.frames(), FRAMES))
    return whole, len(list(islice(recording.frames(0.08, 0.16), FRAMES)))


# --- tables -----------------------------------------------------------------------------------

CELLS = (
    b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\r\n", b"\r", b"\n", b",", b'"', b'""', b";", b"\t",
    b"=cmd|' /C calc'!A0", b"../../etc/passwd", b"/etc/passwd", b"C:\\x", b"a.mp4", b"nan", b"inf",
    b"-inf", b"1e308", b"1e999", b"-2", b"0.5", b"1_000", b"\x1b[2J", b"file", b"person", b"start",
    b"end", b"arousal", b"valence", b"\xe9", "\u202e".encode(), b"9" * 5000, b"," * 5000, b"NULL",
    b'"' + b"x" * 140_000, b"video", b"utterance",
)  # fmt: skip


def _folder(folder: Path) -> Sequence[Path]:
    (folder / "a.mp4").write_bytes(b"x")
    (folder / "b.png").write_bytes(b"x")
    table = folder / "labels.csv"
    table.write_text(
        "file,person,start,end,arousal,valence\n"
        "a.mp4,anna,0,1.5,0.5,-0.25\na.mp4,anna,1.5,3,,\nb.png,bela,,,-1,1\ngone.mp4,,,,0,0\n"
    )
    return [table]


def _read_folder(path: Path) -> object:
    from affmem import Runtime
    from affmem_recordings.config import FolderConfig

    dataset = FolderConfig(root=path.parent).build(Runtime())
    return dataset.clips(), dataset.notes()


def _omg(folder: Path) -> Sequence[Path]:
    (folder / "Test" / "one").mkdir(parents=True)
    for n in (1, 2):
        (folder / "Test" / "one" / f"utterance_{n}.mp4").write_bytes(b"x")
    table = folder / "omg_TestVideos_WithLabels.csv"
    table.write_text(
        "link,start,end,video,utterance,arousal,valence,EmotionMaxVote\n"
        "x,0,2,one,utterance_1.mp4,0.5,-0.2,3\nx,2,4,one,utterance_2.mp4,0.1,0.2,1\n"
        "y,0,2,two,utterance_1.mp4,0.5,-0.2,3\n"
    )
    return [table]


def _read_omg(path: Path) -> object:
    from affmem import Runtime
    from affmem_recordings.config import OMGConfig

    dataset = OMGConfig(root=path.parent).build(Runtime())
    return dataset.clips(), dataset.notes()


def _afewva(folder: Path) -> Sequence[Path]:
    place = folder / "001"
    place.mkdir()
    _pictures(place)
    frames = {
        f"{number:05}": {"arousal": 3.0, "valence": -10, "landmarks": [[2, 1], [9, 8], [4, 4]]}
        for number in range(2)
    }
    annotation = place / "001.json"
    annotation.write_text(json.dumps({"actor": "a", "frames": frames, "video_id": "001"}))
    for number in range(2):
        (place / "a.png").rename(place / f"{number:05}.png")
        shutil.copy(place / f"{number:05}.png", place / "a.png")
    return [annotation]


def _read_afewva(path: Path) -> object:
    from affmem_recordings.config import AFEWVAConfig

    return _through(AFEWVAConfig(root=path.parents[1]))


def _affwild2(folder: Path) -> Sequence[Path]:
    labels = folder / "VA_Estimation_Challenge" / "Validation_Set"
    faces = folder / "cropped_aligned" / "10-25-64x64_left"
    for one in (labels, faces):
        one.mkdir(parents=True)
    _pictures(faces)
    shutil.copy(faces / "a.jpg", faces / "00001.jpg")
    annotation = labels / "10-25-64x64_left.txt"
    annotation.write_text("valence,arousal\n0.5,-0.25\n-5,-5\n1,0\n")
    return [annotation]


def _read_affwild2(path: Path) -> object:
    from affmem_recordings.config import AffWild2Config

    return _through(AffWild2Config(root=path.parents[2]))


def _empathy(folder: Path) -> Sequence[Path]:
    videos, labels = (folder / "Validation" / name for name in ("Videos", "Annotations"))
    for one in (videos, labels):
        one.mkdir(parents=True)
    _videos(videos)
    (videos / "a.mp4").rename(videos / "Subject_1_Story_2.mp4")
    annotation = labels / "Subject_1_Story_2.csv"
    annotation.write_text("valence\n0.5\n-0.25\n1\n0\n0\n0\n0\n0\n")
    return [annotation]


def _read_empathy(path: Path) -> object:
    from affmem_recordings.config import OMGEmpathyConfig

    return _through(OMGEmpathyConfig(root=path.parents[2]))


def _through(config: DatasetConfig) -> object:
    from affmem import Runtime

    dataset = config.build(Runtime())
    found = [[frame.affect for frame in dataset.frames(clip)] for clip in dataset.clips()]
    return found, dataset.notes()


def _affectnet(folder: Path) -> Sequence[Path]:
    _pictures(folder)
    table = folder / "training.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["subDirectory_filePath", "face_x", "face_y", "face_width", "face_height",
             "facial_landmarks", "expression", "valence", "arousal"]
        )  # fmt: skip
        writer.writerow(["a.png", 2, 2, 12, 8, "1;2;3", 1, 0.5, -0.5])
        writer.writerow(["a.jpg", 0, 0, 5, 5, "1;2;3", 10, -2, -2])
        writer.writerow(["a.webp", *["NULL"] * 5, 3, 0, 0])
    return [table]


def _read_affectnet(path: Path) -> object:
    from affmem import Runtime
    from affmem_recordings.config import AffectNetConfig

    dataset = AffectNetConfig(root=path.parent).build(Runtime())
    found = [list(dataset.frames(clip)) for clip in dataset.clips()[:2]]
    return found, dataset.notes()


def _annotation(folder: Path) -> Sequence[Path]:
    for name, one in {"a": np.array("0.25"), "b": np.array(-2.0), "c": np.float32([0.5])}.items():
        np.save(folder / f"{name}.npy", one)
    return sorted(folder.glob("*.npy"))


def _read_annotation(path: Path) -> object:
    from affmem_recordings.affectnet import annotated

    return annotated(path)


NUMPY = (
    b"\x93NUMPY", b"'descr'", b"'<f8'", b"'|O'", b"'<U4'", b"'|V9999999999'", b"'shape': ()",
    b"'shape': (99999999999,)", b"'shape': (4294967296, 4294967296, 0)", b"True", b"(" * 300,
    b"'fortran_order': True", b"[('a', '<f8')]", b"-1", b"__import__('os')",
)  # fmt: skip


# --- what is written by hand ------------------------------------------------------------------

TOML = (
    b"[[", b"]]", b"[", b"]", b"{", b"}", b"=", b".", b",", b'"""', b"'''", b'"', b"\\u0000",
    b"\\U0010FFFF", b"use", b"extends", b'extends = "a.toml"\n', b"inf", b"nan", b"-nan", b"1e999",
    b"9" * 5000, b"0x" + b"f" * 5000, b"1979-05-27T07:32:00Z", b"2000-13-45", b"true", b"seed",
    b"a." * 400 + b"a = 1\n", b"[" * 400, b"{a=" * 90, b"\xff", b"\x1b[2J", b"# \xe2\x80\xae",
    b"[dataset]", b"[memory]", b"memory.use = 3\n", b'"gwr"', b'"none"', b"-1",
    b'"../../etc/passwd"',
    b"seed = 1\nseed = 2\n", b"\xef\xbb\xbf", b"\r\n", b"\0", b'"\\u001b[2J"', b"1e308",
)  # fmt: skip


def _experiments(folder: Path) -> Sequence[Path]:
    names = ("omg", "persons", "pk-drawn", "pk-paper", "pk-small")
    found = [PACKAGE / "examples" / f"{name}.toml" for name in names]
    for one in found:
        shutil.copy(one, folder)
    (folder / "a.toml").write_text('extends = "omg.toml"\nseed = 3\n[start]\nedits = 20\n')
    return [folder / "a.toml", *(folder / one.name for one in found)]


def _read_experiment(path: Path) -> object:
    from affmem.experiment import dumps, load

    return dumps(load(path))


def _others(*names: str) -> Callable[[Path], Sequence[Path]]:
    def prepare(folder: Path) -> Sequence[Path]:
        for one in (PACKAGE / "examples").glob("*.toml"):
            shutil.copy(one, folder)
        return [folder / name for name in names]

    return prepare


def _read_study(path: Path) -> object:
    from affmem.study import read

    return read(path)


def _read_tuning(path: Path) -> object:
    from affmem.tuning import read

    return read(path)


def _read_ablation(path: Path) -> object:
    from affmem.ablation import read

    return read(path)


# --- what affmem itself wrote, and somebody changed -------------------------------------------

TENSORS = (
    b'"F32"', b'"F16"', b'"BF16"', b'"I64"', b'"U8"', b'"BOOL"', b'"F8_E4M3"', b'"F64"',
    b'"shape":[', b"18446744073709551615", b"-1", b'"data_offsets":[0,', b'"__metadata__"', b"[]",
    b'{"', b"}", b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"\0\0\0\0\0\0\0\0", b"\0\0\xc0\x7f",
    b'\\"code\\":', b"1e999", b"NaN", b"[" * 3000, b"null", b"9" * 5000, b"affmem-pk 2",
)  # fmt: skip


def _checkpoint(folder: Path) -> Sequence[Path]:
    import torch

    from affmem_pk.checkpoint import save
    from affmem_pk.config import NetworkConfig
    from affmem_pk.networks import Networks

    torch.manual_seed(0)
    for name, encoder in {"a": "paper", "b": "residual"}.items():
        config = NetworkConfig(width=1 / 64, code=4, hidden=3, encoder=encoder)
        save(folder / f"{name}.safetensors", Networks(config), {"seed": 1}, half=True)
    return sorted(folder.glob("*.safetensors"))


def _read_checkpoint(path: Path) -> object:
    from affmem_pk.checkpoint import load

    return load(path)


def _persons(folder: Path) -> Sequence[Path]:
    from safetensors.numpy import save_file

    d, k, m, rng = 4, 3, 5, np.random.default_rng(0)
    shapes = {
        "mean": (d,), "deviation": (d,), "within": (d,), "feature": (k, d), "feature_bias": (k,),
        "code": (m, d), "person": (m, 2 * d + k + 1),
        "bias": (m,), "affect": (2, m), "affect_bias": (2,), "doubt": (2, m), "doubt_bias": (2,),
    }  # fmt: skip
    from affmem_pk.persons import PREFIX

    arrays = {PREFIX + name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    save_file(arrays, folder / "a.safetensors", {"persons": "5.0"})
    return [folder / "a.safetensors"]


def _read_persons(path: Path) -> object:
    from affmem_pk.persons import load

    return load(path)


def _latent(folder: Path) -> Sequence[Path]:
    from safetensors.numpy import save_file

    from affmem_pk.latent import FORMAT

    d, m, rng = 4, 5, np.random.default_rng(0)
    shapes = {
        "mean": (d,), "deviation": (d,), "code": (m, d), "affect": (m, 2), "bias": (m,),
        "hidden": (m, m), "hidden_bias": (m,), "shift": (d, m), "shift_bias": (d,),
    }  # fmt: skip
    arrays = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    save_file(arrays, folder / "a.safetensors", {"format": FORMAT, "of": "x"})
    return [folder / "a.safetensors"]


def _read_latent(path: Path) -> object:
    from affmem_pk.latent import load

    network, of = load(path)
    return network, of


def _memory(folder: Path) -> Sequence[Path]:
    from safetensors.numpy import save_file

    from affmem import Runtime
    from affmem.catalogue import catalogue

    rng = np.random.default_rng(0)
    for name in MEMORIES:
        memory = catalogue().config("memory", name)().build(Runtime())
        memory.begin()
        memory.partial_fit(
            rng.normal(size=(40, 6)).astype(np.float32),
            rng.uniform(-1, 1, (40, 2)).astype(np.float32),
        )
        save_file(memory.state(), folder / f"{name}.safetensors")
    return [folder / f"{name}.safetensors" for name in MEMORIES]


MEMORIES = ("gwr", "gng", "knn")


def _read_memory(path: Path) -> object:
    from affmem import Runtime
    from affmem.catalogue import catalogue
    from affmem.errors import InputError
    from affmem_memories.__main__ import load

    state = load(path)
    memory = catalogue().config("memory", path.stem)().build(Runtime())
    try:
        memory.restore(state)
    except ValueError as error:  # what the protocol says that it raises
        raise InputError(path, str(error)) from error
    return memory.predict(np.zeros((1, 6), np.float32)), memory.state()


def _vgg(folder: Path) -> Sequence[Path]:
    from safetensors.numpy import save_file

    weights = np.random.default_rng(0).random((64, 3, 3, 3), np.float32)
    arrays = {"conv1_1.weight": weights, "conv1_1.bias": np.zeros(64, np.float32)}
    save_file(arrays, folder / "a.safetensors")
    return [folder / "a.safetensors"]


def _read_vgg(path: Path) -> object:
    from affmem_identity.vgg import load

    return load(path, ("conv1_1",))


def _dlib(folder: Path) -> Sequence[Path]:
    from affmem_identity import dlib

    def packed(*numbers: int) -> bytes:
        sizes = [(number.bit_length() + 7) // 8 or 1 for number in numbers]
        both = zip(sizes, numbers, strict=True)
        return b"".join(bytes([size]) + number.to_bytes(size, "little") for size, number in both)

    data = b"\x01\x01\x01\rloss_metric_2"
    for layer in dlib.ResNet().modules():
        if isinstance(layer, dlib.Convolution):
            count, maps = layer.weight.numel() + layer.bias.numel(), len(layer.bias)
            data += b"\x01\x05con_4" + packed(2, count, 1, 1, 1) + bytes(4 * count)
            data += b"\x01\x07affine_" + packed(2, 2, maps, 1, 1) + bytes(8 * maps)
    data += b"\x01\x04fc_2" + packed(128, 256, 2, 256, 128, 1, 1) + bytes(4 * 256 * 128)
    (folder / "a.dat").write_bytes(data)
    return [folder / "a.dat"]


def _read_dlib(path: Path) -> object:
    from affmem_identity.dlib import load

    return load(path)


DLIB = (b"\x05con_4", b"\x07affine_", b"\x04fc_2", b"\xff", b"\x80", b"\x08" + b"\xff" * 8,
        b"\0\0\xc0\x7f")  # fmt: skip


JSON = (
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"true", b"NaN", b"Infinity", b"-1",
    b"1e999", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"\\ud800", b"\\u0000",
    b"</script>", b"\x1b[2J", b'"format"', b'"status"', b'"finished"', b'"persons"', b'"file"',
    b'"systems"', b"1e308", b"../../etc/passwd", b"edits/../../x.png", b"\xef\xbb\xbf", b"\xff",
)  # fmt: skip


def _run(folder: Path) -> Sequence[Path]:
    from plugins.fake_run import make

    run = make(folder / "run", persons=("anna", "bela"), clips=2, seconds=2.0, edits=1)
    names = ("run.json", "metrics.json", "timing.json", "frames.csv", "utterances.csv",
             "experiment.toml", "edits/edits.json")  # fmt: skip
    pictures = sorted((run / "edits").glob("*.png"))
    return [*(run / name for name in names), *pictures[:1]]


def _read_run(path: Path) -> object:
    from affmem_report.config import HTMLConfig
    from affmem_report.page import render
    from affmem_report.run import read

    folder = next(one for one in path.parents if one.name == "run")
    return render(read(folder), HTMLConfig())


def _meshes(folder: Path) -> Sequence[Path]:
    count = 8
    points = np.random.default_rng(0).random((count, 3)).astype(np.float32)
    lines = "".join("v {:.3f} {:.3f} {:.3f}\n".format(*point) for point in points)
    text = lines + "usemtl M_Face\nf 1/1 2/2 3/3\nusemtl M_Teeth\nf 1 2 3 4\n"
    marks = json.dumps({"idx_to_landmark_verts": [0] * 68})
    for kind in ("objects", "arrays"):
        (folder / kind).mkdir()
        (folder / kind / "vertex_indices.json").write_text(marks)
    for name in ("generic_neutral_mesh", *(f"identity{i:03d}" for i in range(100)), "browDown_L"):
        (folder / "objects" / f"{name}.obj").write_text(text)
    kept = BytesIO()
    np.savez_compressed(
        kept, vertices=points, triangles=np.array([[0, 1, 2]], np.int32),
        material=np.zeros(1, np.int32), materials=np.array(["M_Face"]),
        identity=np.zeros((3, count, 3), np.float16),
        expression=np.zeros((1, count, 3), np.float16), expressions=np.array(["browDown_L"]),
    )  # fmt: skip
    arrays = folder / "arrays" / "ict_facekit.npz"
    arrays.write_bytes(kept.getvalue())
    objects = [folder / "objects" / name for name in ("generic_neutral_mesh.obj", "browDown_L.obj")]
    return [arrays, arrays, arrays, *objects, folder / "arrays" / "vertex_indices.json"]


def _read_meshes(path: Path) -> object:
    from affmem_rendered.meshes import read_meshes

    return read_meshes(path.parent)


MESHES = (b"v ", b"f ", b"usemtl ", b"f 1 2 9", b"f 0 -1 99999999999", b"v nan inf 1e999\n",
          b"v 1\n", b"PK\x03\x04", b"PK\x01\x02", *NUMPY, *JSON)  # fmt: skip


def _export(folder: Path) -> Sequence[Path]:
    from affmem.portable import packed
    from affmem.values import Card, Kept

    day = datetime(2026, 1, 1, tzinfo=UTC)
    kept = Kept({"w": np.eye(3, dtype=np.float32)}, 2, 3, {"memory": 'use = "gwr"\n'})
    (folder / "a.zip").write_bytes(packed(Card("anna", 1, day, day, 2, 3, 36, day, None), kept))
    return [folder / "a.zip"]


def _read_export(path: Path) -> object:
    from affmem.portable import unpacked

    return unpacked(path)


ZIP = (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"../../x", b"person.json",
       b"memory.safetensors", b"\xff\xff\xff\xff", *TENSORS)  # fmt: skip


def _store(folder: Path) -> Sequence[Path]:
    from affmem import Runtime
    from affmem.values import Kept
    from affmem_store.config import SqlConfig

    file = folder / "a.sqlite"
    store = SqlConfig(file=file).build(Runtime())
    store.save("anna", Kept({"w": np.eye(3, dtype=np.float32)}, 2, 3, {}), 0)
    store.close()
    return [file]


def _read_store(path: Path) -> object:
    from affmem import Runtime
    from affmem_store.config import SqlConfig

    for beside in path.parent.glob(f"{path.name}-*"):
        beside.unlink()
    store = SqlConfig(file=path, wait=0.0).build(Runtime())
    try:
        return [(card, store.load(card.person)) for card in store.people()]
    finally:
        store.close()


SQLITE = (b"SQLite format 3\0", b"\x10\0\x02\x02", b"CREATE TABLE", b"affmem_", b"anna", b"NULL",
          b"2026-01-01", b"\x0d", b"\x05", b"\xff\xff\xff\xff", *TENSORS)  # fmt: skip


def _record(folder: Path) -> Sequence[Path]:
    from safetensors.numpy import save_file

    path = folder / "group" / "a_b.safetensors"
    path.parent.mkdir()
    n = 6
    save_file(
        {
            "person": np.zeros(n, np.int64), "clip": np.zeros(n, np.int64),
            "time": np.arange(n, dtype=np.float64), "face": np.ones(n, np.bool_),
            "activation": np.zeros(n, np.float32),
            **{name: np.zeros((n, 2), np.float32) for name in ("truth", "pk", "memory")},
        },
        path, {"experiment": "", "control": "", "files": ""},
    )  # fmt: skip
    return [path]


def _read_record(path: Path) -> object:
    from affmem.study import Condition, Row, load

    return load(path.parents[1], "group", Condition("a"), Row("b"))


READERS = {
    one.name: one
    for one in (
        Reader("picture", 190, _pictures, _read_picture, (b"IHDR", b"IDAT", b"acTL", b"Exif\0\0",
               b"II*\0", b"MM\0*", b"RIFF", b"WEBP", b"VP8X", b"ANIM", b"%!PS-Adobe-3.0 EPSF-3.0\n",
               b"GIF89a", b"\xff\xd8", b"\xff\xc0", b"\xff\xe1")),
        Reader("video", 60, _videos, _read_video, (b"moov", b"trak", b"mdat", b"stts", b"ftypqt  ",
               b"\x1aE\xdf\xa3", b"RIFF", b"AVI LIST", b"G@\0\x10", b"#EXTM3U\n", b"ffconcat ",
               b"v=0\nm=video 9 RTP/AVP 96\n", b"<MPD>", b"dref", b"url ")),
        Reader("folder", 160, _folder, _read_folder, CELLS),
        Reader("omg", 100, _omg, _read_omg, CELLS),
        Reader("afewva", 40, _afewva, _read_afewva, JSON),
        Reader("affwild2", 40, _affwild2, _read_affwild2, CELLS),
        Reader("empathy", 20, _empathy, _read_empathy, CELLS),
        Reader("affectnet", 40, _affectnet, _read_affectnet, CELLS),
        Reader("annotation", 120, _annotation, _read_annotation, NUMPY),
        Reader("experiment", 70, _experiments, _read_experiment, TOML),
        Reader("study", 15, _others("table3.toml"), _read_study, TOML),
        Reader("tuning", 15, _others("tune-memory.toml"), _read_tuning, TOML),
        Reader("ablation", 15, _others("table2.toml"), _read_ablation, TOML),
        Reader("checkpoint", 40, _checkpoint, _read_checkpoint, TENSORS),
        Reader("persons", 50, _persons, _read_persons, TENSORS),
        Reader("latent", 20, _latent, _read_latent, TENSORS),
        Reader("memory", 50, _memory, _read_memory, TENSORS),
        Reader("vgg", 15, _vgg, _read_vgg, TENSORS),
        Reader("record", 30, _record, _read_record, TENSORS),
        Reader("export", 30, _export, _read_export, ZIP),
        Reader("store", 15, _store, _read_store, SQLITE),
        Reader("dlib", 4, _dlib, _read_dlib, DLIB),
        Reader("run", 20, _run, _read_run, JSON + CELLS),
        Reader("meshes", 25, _meshes, _read_meshes, MESHES),
    )
}  # fmt: skip
