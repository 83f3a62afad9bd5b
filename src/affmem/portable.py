"""A person's memory to take along: a zip of JSON and safetensors that explains itself (GDPR 20)."""

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from affmem.errors import InputError
from affmem.files import ARRAYS, MIB, check
from affmem.values import Card, Kept

FORMAT = 1
ABOUT, MEMORY, README = "person.json", "memory.safetensors", "README.txt"
LARGEST = {ABOUT: MIB, MEMORY: ARRAYS}
"""Bytes of each file in a zip, at most, whatever the zip says of them."""
TEXT = """What affmem keeps of {person}
{line}

person.json         who it is, since when, of how many faces, with whose consent, until when; what
                    made the memory ("about"); and the name, type and shape of each array. JSON.
memory.safetensors  the memory itself, if there is one: arrays in the safetensors format, which is
                    8 bytes with the length of a header, the header as JSON with each array's
                    type, shape and place, and the numbers as they lie, little-endian.
                    Python: safetensors.numpy.load_file("memory.safetensors")

A memory is no picture. It is what was learnt from faces: a network's codes of them, or sums over
such codes, with the arousal and valence (each -1 to 1) that they were taken to show. What the
arrays mean depends on the kind of memory, which "about" names. It is what a machine made of a face,
and need not be true of the person. The array affmem.likeness, there only if the person agreed to be
recognised, is what a network that tells persons apart says of their face.

affmem people import FILE.zip puts it into another store.
"""


@frozen(eq=False)
class Portable:
    """Who a zip is of, and their memory; `kept` is None where none is kept yet."""

    card: Card
    kept: Kept | None


def packed(card: Card, kept: Kept | None) -> bytes:
    """A zip of all that is kept of a person; the same bytes for the same person."""
    from affmem.keeping import pack

    shapes: dict[str, Any] = {}
    if kept is not None:
        shapes = {
            name: {"type": str(array.dtype), "shape": list(array.shape)}
            for name, array in kept.state.items()
        }
    about = {
        "format": FORMAT,
        **{name: _plain(value) for name, value in asdict(card).items()},
        "about": dict(kept.about) if kept else {},
        "arrays": shapes,
    }
    files = {
        README: TEXT.format(person=card.person, line="=" * (21 + len(card.person))).encode(),
        ABOUT: (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode(),
        **({MEMORY: pack(kept)} if kept else {}),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpacked(path: Path) -> Portable:
    """What `packed` packed. Raises InputError where the file is no such zip, or is damaged."""
    from affmem.keeping import unpack

    check(path)
    try:
        with zipfile.ZipFile(path) as archive:
            there = {ABOUT, MEMORY} & {*archive.namelist()}
            files = {name: _read(archive, archive.getinfo(name)) for name in there}
        told: Mapping[str, Any] = json.loads(files[ABOUT])
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']}; expected {FORMAT}")  # noqa: TRY301
        moments = {
            name: None if told[name] is None else datetime.fromisoformat(told[name])
            for name in ("made", "changed", "consent", "expires")
        }
        if any(one is not None and one.tzinfo is None for one in moments.values()):
            raise ValueError("expected times with a zone")  # noqa: TRY301
        counts = {name: int(told[name]) for name in ("version", "faces", "units", "size")}
        card = Card(person=str(told["person"]), **counts, **moments)  # type: ignore[arg-type]
        return Portable(card, unpack(files[MEMORY]) if MEMORY in files else None)
    except Exception as error:  # noqa: BLE001  (of what is damaged, whatever its codec raises)
        words = " ".join(str(error).split()) or type(error).__name__
        raise InputError(path, f"is no export of a person: {words}") from None


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename} is compressed otherwise than an export is")
    content, most = bytearray(), LARGEST[info.filename]
    with archive.open(info) as file:  # a piece at a time: what it says of its size may be a lie
        while piece := file.read(1 << 16):
            content += piece
            if len(content) > most:
                raise ValueError(f"{info.filename} is larger than {most} bytes")
    return bytes(content)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
