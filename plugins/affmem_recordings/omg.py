"""The OMG-Emotion corpus, as its own preparation leaves it (design D11), or drawn in its place."""

import re
from collections.abc import Callable
from pathlib import Path

from affmem.errors import InputError
from affmem.protocols import Runtime
from affmem.values import Clip
from affmem_recordings.config import OMGConfig
from affmem_recordings.recordings import Listing, Source, present
from affmem_recordings.sample import sample
from affmem_recordings.table import Row, read

NAMES = {"train": "Train", "validation": "Validation", "test": "Test"}
"""Each split, as it is called in names of files."""
HELP = "see docs/datasets.md for how to get the corpus"
DRAWN = (
    "these are drawn faces, no recordings; to use the real corpus, set root in [dataset] "
    "(or --set dataset.root=FOLDER)"
)


def listing(
    config: OMGConfig, runtime: Runtime, progress: Callable[[int, int], None] | None = None
) -> Listing:
    """The utterances of one split: videos in the table's order, each in order of time.

    A person is a video. `progress` hears of the drawing of the sample, as (done, of). Raises
    InputError where the corpus is not there or its table has mistakes.
    """
    if config.root is None:
        return _read(config, sample(config, runtime, progress), [DRAWN])
    root = config.root.expanduser()
    if not root.is_dir():
        raise InputError(root, f"no such folder; {HELP}")
    return _read(config, root, [])


def _read(config: OMGConfig, root: Path, notes: list[str]) -> Listing:
    name = NAMES[config.split]
    table, folder = _table(root, name), _folder(root, name)
    labels = ["arousal", "valence"]
    # The challenge gave its test table out without labels at first.
    required = [] if config.split == "test" else labels
    rows = read(table, ["video", "utterance", *required], ["start", *labels])
    videos: dict[str, list[Row]] = {}
    for row in rows:
        videos.setdefault(row.name("video"), []).append(row)
    sources: dict[Clip, Source] = {}
    names: set[str] = set()
    for video, utterances in videos.items():
        for row in sorted(utterances, key=_when):
            clip = Clip(f"{video}/{_stem(row)}", person=video, affect=row.affect())
            if clip.name not in names:
                names.add(clip.name)
                sources[clip] = Source(row.inside(row.inside(folder, "video"), "utterance"))
    if repeated := len(rows) - len(sources):
        notes = [*notes, f"{repeated} rows of {table.name} repeat an utterance, left out"]
    found = present(table, folder, sources)
    first = list(dict.fromkeys(clip.person for clip in found.sources))[: config.persons]
    kept = {clip: source for clip, source in found.sources.items() if clip.person in first}
    return Listing(kept, (*notes, *found.notes))


def _stem(row: Row) -> str:
    return re.sub(r"\.\w{2,4}$", "", row.name("utterance"))


def _when(row: Row) -> tuple[float, int]:
    """When an utterance was said: by its start, else by its number."""
    number = re.search(r"\d+", row.text("utterance"))
    start = row.number("start", 0) if row.text("start") else 0.0
    return start, int(number[0]) if number else 0


def _table(root: Path, name: str) -> Path:
    """The table of a split; the one with labels, where there are several."""
    wanted = f"omg_{name}videos".casefold()
    tables = [
        one
        for one in root.iterdir()
        if one.suffix.casefold() == ".csv" and one.stem.casefold().startswith(wanted)
    ]
    if not tables:
        raise InputError(root, f"has no omg_{name}Videos.csv; {HELP}")
    return min(
        tables, key=lambda one: ("label" not in one.stem.casefold(), len(one.name), one.name)
    )


def _folder(root: Path, name: str) -> Path:
    """The folder of a split's videos: `Test`, or the like of `omg_TestVideos` and `test_set`."""
    wanted = name.casefold()
    folders = [one for one in root.iterdir() if _plain(one.name) == wanted and one.is_dir()]
    if not folders:
        raise InputError(root, f"has no folder {name} of videos; {HELP}")
    return min(folders, key=lambda one: (one.name != name, len(one.name), one.name))


def _plain(folder: str) -> str:
    """A folder's name without what is said around the split's.

    >>> _plain("omg_TestVideos"), _plain("Test_Set"), _plain("Train")
    ('test', 'test', 'train')
    """
    letters = re.sub(r"[^a-z]", "", folder.casefold())
    return re.sub(r"^(omg)?(emotion)?|(videos?|set|split|data)+$", "", letters)
