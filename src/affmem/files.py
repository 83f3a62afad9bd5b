"""Files that others wrote: ordinary ones, and no larger than their reader can hold."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from affmem.errors import InputError

MIB = 1 << 20
HEADER = 4 * MIB
"""Bytes of a safetensors file's header at most: one of 76 MiB takes 947 MiB and 20 s to read."""
ARRAYS = 256 * MIB
"""Bytes of a safetensors file of a memory or of a study's record at most."""


def check(path: Path) -> None:
    """Raise InputError, in one line, unless `path` is a file with something in it to be read."""
    try:
        about = path.stat()
    except FileNotFoundError:
        raise InputError(path, "does not exist") from None
    except (OSError, ValueError) as error:
        raise InputError(path, f"cannot be read ({reason(error)})") from None
    if stat.S_ISDIR(about.st_mode):
        raise InputError(path, "is a folder, not a file")
    if not stat.S_ISREG(about.st_mode):
        raise InputError(path, "is no ordinary file, but a device or a pipe")
    if not os.access(path, os.R_OK):
        raise InputError(path, "may not be read (permission denied)")
    if about.st_size == 0:
        raise InputError(path, "is empty (0 bytes)")


def inside(folder: Path, path: Path) -> Path:
    """`path`, which something in `folder` names. Raises InputError where it leads out of it."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(path, f"leads out of {folder}")
    return path


def opened(path: Path, most: int | None = None) -> IO[bytes]:
    """The file, to be read; `most` is how many bytes it may have.

    Raises InputError for a device or a pipe, which may never end, and for a file that is larger;
    OSError where `open` does.
    """
    try:
        # A pipe that nobody writes to would be waited for, were it opened as others are.
        file = open(path, "rb", opener=_at_once)  # noqa: SIM115  (`Path.open` takes no opener)
    except ValueError as error:
        raise InputError(path, str(error)) from None
    about = os.fstat(file.fileno())
    if not stat.S_ISREG(about.st_mode):
        file.close()
        raise InputError(path, "is no ordinary file, but a device or a pipe")
    if most is not None and about.st_size > most:
        file.close()
        raise InputError(path, f"is larger than any such file ({most / MIB:g} MiB)")
    return file


def content(path: Path, most: int) -> bytes:
    """All its bytes. Raises as `opened`."""
    with opened(path, most) as file:
        return file.read(most)


def write(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all. Raises InputError where there is no space or permission."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(path, f"cannot be written ({error.strerror or error})") from None


def from_json(path: Path, most: int, constant: Callable[[str], Any] = float) -> Any:  # noqa: ANN401
    """What a JSON file says; `constant` reads NaN and infinities. Raises InputError."""
    try:
        return json.loads(content(path, most).decode(), parse_constant=constant)
    except OSError as error:
        raise InputError(path, reason(error)) from None
    except UnicodeDecodeError as error:
        raise InputError(path, str(error)) from None
    except ValueError as error:  # also of a number of more digits than Python reads
        raise InputError(path, f"broken JSON: {error}") from None
    except RecursionError:
        raise InputError(path, "broken JSON: nested too deeply") from None


def check_tensors(path: Path, most: int | None = None) -> None:
    """Raise, before safetensors opens it, as `opened`, or where the header says it is too long."""
    with opened(path, most) as file:
        header = int.from_bytes(file.read(8), "little")
    if header > HEADER:
        raise InputError(path, "is no safetensors file, or not a whole one")


def reason(error: BaseException) -> str:
    """What an error says, in one line; its name where it says nothing."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(said).splitlines()[0]


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
