"""Settings of the datasets read from recordings."""

from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from attrs import field, frozen
from attrs.validators import and_, ge, gt, in_, le, min_len, optional

from affmem.protocols import Dataset, Runtime

rate = and_(gt(0.0), le(1000.0))
Split = Literal["train", "validation", "test"]


@frozen
class OMGConfig:
    """Settings of dataset "omg": the OMG-Emotion corpus as its own preparation leaves it.

    Barros et al. 2018, "The OMG-Emotion Behavior Dataset" (arXiv 1803.05434). CC BY-NC-SA 3.0 DE;
    its authors give out links and a script.
    """

    has_emotions: ClassVar = True
    root: Path | None = None
    """The corpus' folder: the CSV files and the folders of videos (`docs/datasets.md`).
    Without it, videos of drawn persons stand in; they are made once and kept."""
    split: Split = field(default="test", validator=in_(("train", "validation", "test")))
    """Which part of the corpus."""
    persons: int | None = field(default=None, validator=optional(ge(1)))
    """At most so many persons (videos), the first ones of the table; all if not given."""
    sample_persons: int = field(default=16, validator=ge(1))
    """Without `root`: how many persons are drawn; three in four are for testing."""
    sample_seed: int = field(default=0, validator=ge(0))
    """Without `root`: what they are drawn from."""

    def build(self, runtime: Runtime) -> Dataset:
        from affmem_recordings.omg import OMG

        return OMG(self, runtime)


@frozen
class FolderConfig:
    """Settings of dataset "folder": any videos and pictures, named by a table."""

    has_emotions: ClassVar = True
    root: Path
    """The folder that holds the table and the files."""
    table: str = field(default="labels.csv", validator=min_len(1))
    """The CSV in it: `file`; optional `person`, `start`, `end` (seconds), `arousal`, `valence`,
    `emotion` (a word, whose place stands in where the two are empty)."""

    def build(self, _runtime: Runtime) -> Dataset:
        from affmem_recordings.folder import listing
        from affmem_recordings.recordings import Recordings

        return Recordings(partial(listing, self))


@frozen
class AffectNetConfig:
    """Settings of dataset "affectnet": photographs from the web, in either of its releases.

    Mollahosseini, Hasani and Mahoor 2017, "AffectNet: A Database for Facial Expression, Valence,
    and Arousal Computing in the Wild". By an agreement that an academic signs.
    """

    has_emotions: ClassVar = True
    root: Path
    """The folder that holds `train_set` and `val_set`, or `training.csv` and `validation.csv`."""
    split: Literal["train", "validation"] = field(
        default="train", validator=in_(("train", "validation"))
    )
    """Which part; a test set was never given out."""
    emotions: bool = False
    """Whether a face without arousal and valence takes the place of its expression's word; of
    contempt, and where no expression is given, there is none."""

    def build(self, _runtime: Runtime) -> Dataset:
        from affmem_recordings.affectnet import affectnet

        return affectnet(self)


@frozen
class AFEWVAConfig:
    """Settings of dataset "afew-va": 600 clips of films, valence and arousal of each frame.

    Kossaifi, Tzimiropoulos, Todorovic and Pantic 2017, "AFEW-VA database for valence and arousal
    estimation in-the-wild". Imperial College's iBUG group gives it out, on terms told there.
    """

    root: Path
    """The folder that holds the clips' folders, `001/001.json` with `001/00000.png` and on."""
    fps: float = field(default=25.0, validator=rate)
    """Frames a second, which the corpus does not say."""

    def build(self, _runtime: Runtime) -> Dataset:
        from affmem_recordings.afewva import listing
        from affmem_recordings.strips import Strips

        return Strips(partial(listing, self))


@frozen
class AffWild2Config:
    """Settings of dataset "aff-wild2": videos from the web, valence and arousal of each frame.

    Kollias and Zafeiriou 2019, "Expression, Affect, Action Unit Recognition: Aff-Wild2, Multi-Task
    Learning and ArcFace", and the papers of the ABAW competitions. By an agreement that an
    academic signs.
    """

    root: Path
    """The folder that holds the annotations (`VA_Estimation_Challenge`) and `cropped_aligned`."""
    split: Literal["train", "validation"] = field(
        default="validation", validator=in_(("train", "validation"))
    )
    """Which part; labels of the test set were never given out."""
    fps: float = field(default=30.0, validator=rate)
    """Frames a second of videos whose names do not say."""

    def build(self, _runtime: Runtime) -> Dataset:
        from affmem_recordings.affwild2 import listing
        from affmem_recordings.strips import Strips

        return Strips(partial(listing, self))


@frozen
class OMGEmpathyConfig:
    """Settings of dataset "omg-empathy": listeners to stories, valence of each frame, no arousal.

    Barros, Churamani, Lim and Wermter 2019, "The OMG-Empathy Dataset: Evaluating the Impact of
    Affective Behavior in Storytelling" (arXiv 1908.11706). CC BY-NC-SA 3.0 DE; ask the authors.
    """

    root: Path
    """The folder that holds `Training`, `Validation` and `Testing`, each with `Videos` and
    `Annotations`."""
    split: Split = field(default="validation", validator=in_(("train", "validation", "test")))
    """Which part: other stories of the same persons."""
    side: Literal["listener", "speaker"] = field(
        default="listener", validator=in_(("listener", "speaker"))
    )
    """Whose half of the picture is seen. The label is how the listener felt, either way."""

    def build(self, _runtime: Runtime) -> Dataset:
        from affmem_recordings.empathy import OMGEmpathy

        return OMGEmpathy(self)
