"""OMG-Empathy: listeners to stories, and how they felt at each frame (Barros et al. 2019)."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import final

from affmem.errors import InputError
from affmem.values import Affect, Clip, Frame, Image, Unit
from affmem.video import Recording
from affmem_recordings.config import OMGEmpathyConfig
from affmem_recordings.recordings import Listing, Source, present, some
from affmem_recordings.table import read

NAME = re.compile(r"Subject_(\d+)_Story_(\d+)", re.IGNORECASE)
FOLDERS = {"train": "Training", "validation": "Validation", "test": "Testing"}
VALENCE_ALONE = "only valence is labelled here: 0 stands for arousal, whose figures say nothing"


@final
class OMGEmpathy:
    """A dataset of the listeners (or speakers) of one split, a clip a story."""

    unit: Unit = "frame"

    def __init__(self, config: OMGEmpathyConfig) -> None:
        self._config = config
        self._off: dict[str, str] = {}
        self._damaged: dict[Path, int] = {}

    @cached_property
    def _listing(self) -> Listing:
        return _listing(self._config)

    def notes(self) -> Sequence[str]:
        off = f"{len(self._off)} clips have other numbers of frames and labels"
        uneven = (f"{off}: {some([*self._off.values()])}",) if self._off else ()
        damaged = (
            f"{path}: {count} damaged packets or frames left out; labels after them may be early"
            for path, count in self._damaged.items()
        )
        return (VALENCE_ALONE, *self._listing.notes, *uneven, *damaged)

    def clips(self) -> Sequence[Clip]:
        return tuple(self._listing.sources)

    def frames(self, clip: Clip) -> Iterator[Frame]:
        """Each frame's half that shows the person; frames beyond the last label have none."""
        path = self._listing.sources[clip].path
        recording, labels = Recording(path), _labels(_annotation(path))
        shown = 0
        for time, image in recording.frames():
            label = labels[shown] if shown < len(labels) else None
            yield Frame(time, _half(image, self._config.side), label)
            shown += 1
        if shown != len(labels):
            self._off[clip.name] = f"{clip.name} {shown} frames, {len(labels)} labels"
        if recording.damaged:
            self._damaged[path] = recording.damaged


def _listing(config: OMGEmpathyConfig) -> Listing:
    """The clips that have an annotation: by subject, then by story."""
    root = config.root.expanduser()
    if not root.is_dir():
        raise InputError(root, "no such folder; see docs/datasets.md for how to get the corpus")
    folder = _folder(root, FOLDERS[config.split])
    annotations = folder / "Annotations"
    if not annotations.is_dir():
        raise InputError(folder, "has no folder Annotations")
    stories: dict[tuple[int, int], Path] = {}
    for file in sorted(annotations.glob("*.csv")):
        named = NAME.fullmatch(file.stem)
        if named is None:
            raise InputError(file, "expected a name such as Subject_1_Story_2.csv")
        stories[int(named[1]), int(named[2])] = file
    if not stories:
        raise InputError(annotations, "holds no annotation Subject_N_Story_M.csv")
    sources = {
        Clip(file.stem, f"Subject_{subject}"): Source(folder / "Videos" / f"{file.stem}.mp4")
        for (subject, _), file in sorted(stories.items())
    }
    return present(annotations, folder / "Videos", sources)


def _folder(root: Path, name: str) -> Path:
    """The folder of a split, whose name may go on in another way (`Testing`, `Test_Set`)."""
    begins = name[:4].casefold()
    folders = [one for one in root.iterdir() if one.name.casefold().startswith(begins)]
    found = [one for one in folders if one.is_dir()]
    if not found:
        raise InputError(root, f"has no folder {name}")
    return min(found, key=lambda one: (one.name != name, len(one.name), one.name))


def _annotation(video: Path) -> Path:
    return video.parents[1] / "Annotations" / f"{video.stem}.csv"


def _labels(file: Path) -> Sequence[Affect]:
    """Each frame's label, in order. Raises InputError."""
    return [
        Affect(arousal=0.0, valence=row.number("valence", -1, 1)) for row in read(file, ["valence"])
    ]


def _half(image: Image, side: str) -> Image:
    """The speaker sits on the left, the listener on the right."""
    middle = image.shape[1] // 2
    half: Image = image[:, :middle] if side == "speaker" else image[:, middle:]
    return half
