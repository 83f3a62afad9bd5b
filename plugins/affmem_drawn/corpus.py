"""A corpus of drawn persons in the files of the OMG-Emotion challenge.

Barros et al., "The OMG-Emotion Behavior Dataset", IJCNN 2018: a CSV a split, a folder a video, an
mp4 file an utterance; a label belongs to an utterance.
"""

import csv
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, final

import av
import numpy as np
import psutil
from attrs import frozen

from affmem.errors import InputError
from affmem.expression import spread_affects
from affmem.values import Image
from affmem.workers import spread
from affmem_drawn.config import OMGMakerConfig
from affmem_drawn.film import film, sample_shot
from affmem_drawn.performance import RATE, perform, sample_temper
from affmem_drawn.portrait import sample_person
from affmem_drawn.scene import sample_backdrop, sample_light

COLUMNS: Final = (
    "link",
    "start",
    "end",
    "video",
    "utterance",
    "arousal",
    "valence",
    "EmotionMaxVote",
)
SPLITS: Final = ("Train", "Validation", "Test")
EMOTIONS: Final = (
    (0.70, -0.55),  # 0 anger
    (0.40, -0.75),  # 1 disgust
    (0.90, -0.35),  # 2 fear
    (0.50, 0.70),  # 3 happiness
    (0.25, 0.00),  # 4 neutral
    (0.10, -0.60),  # 5 sadness
    (0.90, 0.15),  # 6 surprise
)
"""Arousal and valence of the seven emotions, in the order of EmotionMaxVote."""
FEWEST_FOR_SEVERAL: Final = 4


@frozen
class Row:
    """An utterance's line in the CSV."""

    start: float
    end: float
    video: str
    utterance: str
    arousal: float
    valence: float

    def cells(self) -> tuple[str, ...]:
        """Its cells, in the order of COLUMNS."""
        away = [(self.arousal - a) ** 2 + (self.valence - v) ** 2 for a, v in EMOTIONS]
        return (
            "drawn",
            f"{self.start:.2f}",
            f"{self.end:.2f}",
            self.video,
            self.utterance,
            f"{self.arousal:.6f}",
            f"{self.valence:.6f}",
            str(away.index(min(away))),
        )


def split_of(config: OMGMakerConfig, person: int) -> str:
    """The split that a person belongs to: the first persons train.

    >>> [split_of(OMGMakerConfig(persons=4), person) for person in range(4)]
    ['Train', 'Train', 'Validation', 'Test']
    """
    train = round(config.train * config.persons)
    validation = train + round(config.validation * config.persons)
    return SPLITS[0] if person < train else SPLITS[1] if person < validation else SPLITS[2]


def write_video(path: Path, images: Iterator[Image], width: int, height: int) -> None:
    """Encode images as H.264 in an mp4 file: yuv420p, 25 frames a second, one thread."""
    with av.open(str(path), "w", format="mp4") as container:
        options = {"preset": "fast", "crf": "23", "threads": "1"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def write_person(config: OMGMakerConfig, root: Path, person: int) -> list[Row]:
    """Film one person's utterances below `root`; their rows, in order."""
    rng = np.random.default_rng([config.seed, person])
    who = sample_person(rng, config.strength)
    temper = sample_temper(rng)
    light, backdrop = sample_light(rng), sample_backdrop(rng)
    shot = sample_shot(rng, config.width, config.height, light, backdrop)
    shift = rng.random(2)
    goals = spread_affects(config.utterances, (float(shift[0]), float(shift[1])))
    video = f"person_{person:03d}"
    folder = root / split_of(config, person) / video
    folder.mkdir(parents=True)
    rows: list[Row] = []
    clock = float(rng.uniform(0.5, 2.0))
    for number, (arousal, valence) in enumerate(goals.tolist(), start=1):
        seconds = config.seconds * float(rng.uniform(0.75, 1.25))
        performance = perform(rng, who.manner, temper, (arousal, valence), seconds)
        name = f"utterance_{number}.mp4"
        images = (image for image, _ in film(rng, who.look, performance, shot))
        write_video(folder / name, images, config.width, config.height)
        length = len(performance.affects) / RATE
        felt = performance.affects.mean(axis=0).tolist()
        rows.append(Row(clock, clock + length, video, name, min(max(felt[0], 0.0), 1.0), felt[1]))
        clock += length + float(rng.uniform(0.3, 1.5))
    return rows


@final
class OMGMaker:
    """Films drawn persons; the same settings give the same bytes, however many cores work."""

    def __init__(self, config: OMGMakerConfig) -> None:
        self._config = config

    def make(self, folder: Path, progress: Callable[[int, int], None]) -> None:
        """Write the corpus to `folder`, whole or not at all; progress counts persons.

        Raises InputError where `folder` holds something already, or cannot be made.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(folder, "exists already; the corpus wants a new or an empty folder")
        for left in folder.parent.glob(f".{folder.name}.*.part"):  # by a maker that was killed
            maker = left.name.split(".")[-2]
            if maker.isdigit() and not psutil.pid_exists(int(maker)):
                shutil.rmtree(left, ignore_errors=True)
        partly = folder.parent / f".{folder.name}.{os.getpid()}.part"
        try:
            partly.mkdir(parents=True)
        except OSError as error:
            raise InputError(folder, error.strerror or str(error)) from error
        try:
            self._write(partly, progress)
            partly.replace(folder)
        finally:
            shutil.rmtree(partly, ignore_errors=True)

    def _write(self, root: Path, progress: Callable[[int, int], None]) -> None:
        config = self._config
        rows: dict[str, list[Row]] = {split: [] for split in SPLITS}
        for split in SPLITS:
            (root / split).mkdir()
        progress(0, config.persons)
        for person, done in enumerate(self._persons(root)):
            rows[split_of(config, person)] += done
            progress(person + 1, config.persons)
        for split in SPLITS:
            path = root / f"omg_{split}Videos.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                lines = csv.writer(file, lineterminator="\n")
                lines.writerow(COLUMNS)
                lines.writerows(row.cells() for row in rows[split])

    def _persons(self, root: Path) -> Iterator[list[Row]]:
        """Each person's rows, in order."""
        persons = range(self._config.persons)
        workers = os.cpu_count() or 1 if len(persons) >= FEWEST_FOR_SEVERAL else 1
        yield from spread(partial(write_person, self._config, root), persons, workers)
