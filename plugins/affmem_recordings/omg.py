"""The OMG-Emotion corpus, as its own preparation leaves it (design D11), or drawn in its place."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import final

from attrs import frozen

from affmem.errors import InputError
from affmem.protocols import Runtime
from affmem.values import Affect, Clip, Frame, Unit
from affmem_recordings.config import OMGConfig
from affmem_recordings.recordings import Listing, Recordings, Source, present
from affmem_recordings.sample import sample
from affmem_recordings.table import Row, read

NAMES = {"train": "Train", "validation": "Validation", "test": "Test"}
"""Each split, as it is called in names of files."""
VOTE = "EmotionMaxVote"
WORDS = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""What it stands for: the word that most annotators gave."""
HELP = "see docs/datasets.md for how to get the corpus"
DRAWN = (
    "these are drawn faces, no recordings; to use the real corpus, set root in [dataset] "
    "(or --set dataset.root=FOLDER)"
)


@frozen
class Place:
    """A row of the challenge's file of predictions, which has one for each row of the table."""

    video: str
    utterance: str
    """As the table spells it, with its suffix."""
    clip: str


@frozen
class Corpus:
    """One split: the utterances that are there, and all that the challenge asks for."""

    listing: Listing
    form: tuple[Place, ...]


@final
class OMG:
    """A dataset of the utterances of one split, and the form for its predictions."""

    unit: Unit = "utterance"

    def __init__(self, config: OMGConfig, runtime: Runtime) -> None:
        self._config, self._runtime = config, runtime
        self._recordings = Recordings(lambda: self._corpus.listing)
        self._unread = 0

    @cached_property
    def _corpus(self) -> Corpus:
        return corpus(self._config, self._runtime)

    def notes(self) -> Sequence[str]:
        notes = self._recordings.notes()
        if not self._unread:
            return notes
        told = (
            f"predictions.csv: of {self._unread} of {len(self._corpus.form)} utterances nothing was"
            " read; the mean of their video's others stands there, or that of all where it has none"
        )
        return (*notes, told)

    def clips(self) -> Sequence[Clip]:
        return self._recordings.clips()

    def frames(self, clip: Clip) -> Iterator[Frame]:
        return self._recordings.frames(clip)

    def predictions(self, read: Mapping[str, Affect]) -> str:
        """The challenge's CSV: a row for each row of the table, in its order.

        Its script stops where a row is missing. So the mean of what was read of the same video
        (of all videos, where nothing was; 0 where nothing was read at all) stands in.
        """
        form = self._corpus.form
        by_video: dict[str, list[Affect]] = {}
        for place in form:
            if place.clip in read:
                by_video.setdefault(place.video, []).append(read[place.clip])
        means = {video: _mean(affects) for video, affects in by_video.items()}
        overall = _mean([*read.values()])
        self._unread = sum(place.clip not in read for place in form)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["video", "utterance", "arousal", "valence"])
        for place in form:
            affect = read.get(place.clip) or means.get(place.video, overall)
            writer.writerow(
                [place.video, place.utterance, f"{affect.arousal:.6f}", f"{affect.valence:.6f}"]
            )
        return text.getvalue()


def corpus(
    config: OMGConfig, runtime: Runtime, progress: Callable[[int, int], None] | None = None
) -> Corpus:
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


def _read(config: OMGConfig, root: Path, notes: list[str]) -> Corpus:
    name = NAMES[config.split]
    table, folder = _table(root, name), _folder(root, name)
    labels = ["arousal", "valence"]
    # The challenge gave its test table out without labels at first.
    required = [] if config.split == "test" else labels
    rows = read(table, ["video", "utterance", *required], ["start", VOTE, *labels])
    videos: dict[str, list[Row]] = {}
    for row in rows:
        videos.setdefault(row.name("video"), []).append(row)
    sources: dict[Clip, Source] = {}
    names: set[str] = set()
    for video, utterances in videos.items():
        for row in sorted(utterances, key=_when):
            clip = Clip(_name(row), person=video, affect=row.affect(), emotion=_emotion(row))
            if clip.name not in names:
                names.add(clip.name)
                sources[clip] = Source(row.inside(row.inside(folder, "video"), "utterance"))
    if repeated := len(rows) - len(sources):
        notes = [*notes, f"{repeated} rows of {table.name} repeat an utterance, left out"]
    found = present(table, folder, sources)
    first = list(dict.fromkeys(clip.person for clip in found.sources))[: config.persons]
    kept = {clip: source for clip, source in found.sources.items() if clip.person in first}
    asked = set(videos) if config.persons is None else set(first)
    form = (Place(row.text("video"), row.text("utterance"), _name(row)) for row in rows)
    return Corpus(
        Listing(kept, (*notes, *found.notes)), tuple(one for one in form if one.video in asked)
    )


def _mean(affects: Sequence[Affect]) -> Affect:
    if not affects:
        return Affect(0.0, 0.0)
    return Affect(fmean(one.arousal for one in affects), fmean(one.valence for one in affects))


def _name(row: Row) -> str:
    """What an utterance's clip is called: VIDEO/utterance_N."""
    stem = re.sub(r"\.\w{2,4}$", "", row.name("utterance"))
    return f"{row.name('video')}/{stem}"


def _emotion(row: Row) -> str | None:
    """The row's word; None where it has none, for arousal and valence do without."""
    try:
        vote = row.number(VOTE, 0, len(WORDS) - 1)
    except InputError:
        return None
    return WORDS[int(vote)] if vote.is_integer() else None


def _when(row: Row) -> tuple[float, int]:
    """When an utterance was said: by its start, else by its number."""
    number = re.search(r"\d{1,18}", row.text("utterance"))
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
    said = {one: one.stem.casefold() for one in tables}
    return min(
        tables,
        key=lambda one: ("without" in said[one], "label" not in said[one], len(one.name), one.name),
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
