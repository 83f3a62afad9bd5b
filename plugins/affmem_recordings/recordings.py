"""Clips read from files, whichever table names them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from attrs import frozen

from affmem.errors import InputError
from affmem.files import check
from affmem.values import Clip, Frame, Unit
from affmem.video import Recording

FIRST_FEW = 3
"""How many missing files a note names."""


@frozen
class Source:
    """Where a clip lies: a file, from `start` to `end` in seconds (None: to its end)."""

    path: Path
    start: float = 0.0
    end: float | None = None


@frozen
class Listing:
    """What a table says is there: clips in order, each with its source, and what to know."""

    sources: Mapping[Clip, Source]
    notes: tuple[str, ...] = ()


class Recordings:
    """A dataset of clips in files, each labelled as a whole.

    `listing` is called once, when first asked for clips or notes; a file is opened only by
    `frames`. `notes` grows by a line for each file of which `frames` had to leave something out.
    """

    unit: Unit = "utterance"

    def __init__(self, listing: Callable[[], Listing]) -> None:
        self._list = listing
        self._damaged: dict[Path, int] = {}

    @cached_property
    def _listing(self) -> Listing:
        return self._list()

    def notes(self) -> Sequence[str]:
        damaged = (
            f"{path}: {count} damaged packets or frames left out"
            for path, count in self._damaged.items()
        )
        return (*self._listing.notes, *damaged)

    def clips(self) -> Sequence[Clip]:
        return tuple(self._listing.sources)

    def frames(self, clip: Clip) -> Iterator[Frame]:
        source = self._listing.sources[clip]
        recording = Recording(source.path)
        for time, image in recording.frames(source.start, source.end):
            yield Frame(time, image)
        if recording.damaged:
            self._damaged[source.path] = recording.damaged


def present(table: Path, folder: Path, sources: Mapping[Clip, Source]) -> Listing:
    """The clips whose files are there, and a note that counts the others and names a few.

    A file with nothing in it, which a download or a cut that failed leaves, counts as an other.
    Raises InputError where a file may not be read, or where no clip has one.
    """
    there: dict[Clip, Source] = {}
    missing: list[str] = []
    empty: list[str] = []
    for clip, source in sources.items():
        if not _exists(source.path):
            missing.append(clip.name)
        elif source.path.is_file() and source.path.stat().st_size == 0:
            empty.append(clip.name)
        else:
            check(source.path)
            there[clip] = source
    notes = tuple(
        f"{len(names)} of {len(sources)} clips of {table.name} {are}, left out: {some(names)}"
        for names, are in ((missing, "are missing"), (empty, "are empty files (0 bytes)"))
        if names
    )
    if not there:
        but = f"; {len(empty)} are empty files (0 bytes): {some(empty)}" if empty else ""
        raise InputError(
            folder, f"holds none of the {len(sources)} clips that {table.name} names{but}"
        )
    return Listing(there, notes)


def placed(count: int, of: int) -> tuple[str, ...]:
    """What to know of labels that are words: nothing where there are none."""
    told = "are places of words for emotions (affmem.emotions), not ratings of arousal and valence"
    return (f"{count} of {of} labels {told}",) if count else ()


def some(names: Sequence[str]) -> str:
    """The first few names, and dots for the rest."""
    return ", ".join(names[:FIRST_FEW]) + (", ..." if len(names) > FIRST_FEW else "")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long to be one
        return False
