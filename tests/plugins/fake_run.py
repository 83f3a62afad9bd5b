"""A made-up run directory, as like a real one as its reader needs; drawn from a seed."""

import csv
import json
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

GRID = [(a, v) for a in (1.0, 0.5, 0.0, -0.5, -1.0) for v in (-1.0, -0.5, 0.0, 0.5, 1.0)]
NAMES = ("anna", "bela", "chidi", "dalia", "emil", "fatou", "goran", "hana", "ines", "jun", "kofi")
FRAME_COLUMNS = (
    "clip", "person", "time", "face", "pk_arousal", "pk_valence", "memory_arousal",
    "memory_valence", "activation", "units", "truth_arousal", "truth_valence",
)  # fmt: skip
CLIP_COLUMNS = (
    "clip", "person", "frames", "faces", "truth_arousal", "truth_valence", "pk_arousal",
    "pk_valence", "memory_arousal", "memory_valence",
)  # fmt: skip
EXPERIMENT = """\
seed = 1

[dataset]
use = "omg"
folder = "data/omg"

[faces]
use = "mtcnn"

[encoder]
use = "pk"

[memory]
use = "gwr"
activity_threshold = 0.4
"""


def make(folder: Path, persons=NAMES, clips=5, seconds=7.0, labels=True, edits=3, seed=1):
    """Write a run of `persons` into `folder`; `edits` of them have a sheet."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    frames, utterances = [], []
    for person in persons:
        bias, gain, units = rng.normal(0, 0.2, 2), rng.uniform(0.6, 1.2, 2), 24
        for clip in range(clips):
            name, n = f"{person}/utterance_{clip + 1}", int(rng.uniform(0.75, 1.25) * seconds * 12)
            truth = np.clip(rng.normal((0.1, 0.05), 0.45), -1, 1)
            path = truth + np.cumsum(rng.normal(0, 0.03, (n, 2)), axis=0)
            pk = np.clip(path * gain + bias + rng.normal(0, 0.09, (n, 2)), -1, 1)
            learnt = 1 - math.exp(-clip / 2)
            memory = path * (1 + (gain - 1) * (1 - learnt)) + bias * (1 - 0.8 * learnt)
            memory = np.clip(memory + rng.normal(0, 0.07, (n, 2)), -1, 1)
            face = np.ones(n, int)
            if rng.random() < 0.4:
                start = int(rng.integers(n))
                face[start : start + int(rng.integers(2, 14))] = 0
            activation = np.clip(0.5 + 0.35 * learnt + rng.normal(0, 0.07, n), 0, 1)
            for i in range(n):
                units += int(rng.random() < 0.08 * (1 - learnt))
                told = truth if labels else ("", "")
                said = (*pk[i], *memory[i], activation[i])
                frames.append(
                    [name, person, round(i / 12, 4), face[i], *(f"{x:.5f}" for x in said), units]
                    + [x if isinstance(x, str) else f"{x:.4f}" for x in told]
                )
            utterances.append(
                [name, person, n, face.sum()]
                + [f"{x:.4f}" if labels else "" for x in truth]
                + [f"{x:.5f}" for x in (*pk[face > 0].mean(0), *memory[face > 0].mean(0))]
            )
    _csv(folder / "frames.csv", FRAME_COLUMNS, frames)
    _csv(folder / "utterances.csv", CLIP_COLUMNS, utterances)
    _json(folder / "metrics.json", _metrics(len(persons), len(frames), len(utterances), labels))
    seconds_by = {
        "decode": 6.1, "find": 41.7, "encode": 88.2, "read": 3.4, "edit": 61.0, "learn": 17.3,
        "predict": 4.9,
    }  # fmt: skip
    _json(
        folder / "timing.json",
        {
            "seconds": seconds_by,
            "total_seconds": 229.4,
            "frames_per_second": len(frames) / 229.4,
            "frames": len(frames),
            "peak_memory_mib": 1243.5,
        },
    )
    _json(folder / "run.json", about())
    (folder / "experiment.toml").write_text(EXPERIMENT)
    if edits:
        _draw_edits(folder, persons[:edits])
    return folder


def about(**changes):
    return {
        "format": 1,
        "status": "finished",
        "started": "2026-03-02T09:14:03+00:00",
        "finished": "2026-03-02T09:17:52+00:00",
        "affmem": "0.1.0",
        "seed": 1,
        "machine": {
            "platform": "Linux", "processor": "x86_64", "cores": 8, "memory_gib": 31.2,
            "python": "3.11.7",
        },
        "versions": {"numpy": "2.4.6", "torch": "2.13.0", "attrs": "26.1.0"},
        "notes": [
            "These are drawn faces: figures on them say nothing of real people.",
            "2 of 57 clips are missing and were left out: anna/utterance_6, emil/utterance_2",
        ],
        "parts": {
            "dataset": "omg", "faces": "mtcnn", "encoder": "pk", "reader": "pk", "editor": "pk",
            "memory": "gwr",
        },
    } | changes  # fmt: skip


def _metrics(persons, frames, units, labels):
    def of(name, *pairs):
        table = {}
        for system, pair in zip(("pk", "p-affmem", "gain"), pairs, strict=True):
            figures = [three if labels else (None,) * 3 for three in pair]
            keys = (name, "low", "high")
            arousal, valence = (dict(zip(keys, three, strict=True)) for three in figures)
            table[system] = {"arousal": arousal, "valence": valence}
        return table

    systems = of(
        "ccc",
        ((0.712, 0.61, 0.79), (0.664, 0.55, 0.75)),
        ((0.741, 0.65, 0.82), (0.751, 0.68, 0.81)),
        ((0.029, -0.021, 0.082), (0.087, 0.031, 0.149)),
    )
    return {
        "unit": "utterance",
        "persons": persons,
        "clips": units,
        "frames": frames,
        "faces": frames,
        "headline": "ccc",
        "better": {"ccc": "higher", "rmse": "lower"},
        "scored": units if labels else 0,
        "gain": systems.pop("gain"),
        "systems": systems,
        "mean over persons": of(
            "ccc",
            ((0.62, 0.51, 0.72), (0.58, 0.46, 0.69)),
            ((0.66, 0.56, 0.75), (0.67, 0.58, 0.76)),
            ((0.04, -0.03, 0.11), (0.09, 0.02, 0.17)),
        ),
        "metrics": {
            "rmse": of(
                "rmse",
                ((0.31, 0.27, 0.35), (0.33, 0.28, 0.38)),
                ((0.29, 0.26, 0.33), (0.27, 0.24, 0.31)),
                ((-0.02, -0.05, 0.01), (-0.06, -0.1, -0.02)),
            ),
        },
    }


def _draw_edits(folder, persons):
    (folder / "edits").mkdir(exist_ok=True)
    entries = []
    for n, person in enumerate(persons):
        sheet = Image.new("RGB", (480, 480))
        for i, (arousal, valence) in enumerate(GRID):
            sheet.paste(_face(n, arousal, valence), (i % 5 * 96, i // 5 * 96))
        sheet.save(folder / "edits" / f"{n}.png")
        _face(n, 0.1, 0.3).save(folder / "edits" / f"{n}-face.png")
        entries.append(
            {
                "person": person,
                "file": f"edits/{n}.png",
                "affects": GRID,
                "columns": 5,
                "face": f"edits/{n}-face.png",
            }
        )
    _json(folder / "edits" / "edits.json", entries)


def _face(n, arousal, valence):
    tone = [(224, 172, 140), (141, 85, 54), (198, 134, 96)][n % 3]
    face = Image.new("RGB", (96, 96), [(70, 92, 110), (110, 92, 70), (84, 104, 84)][n % 3])
    pen = ImageDraw.Draw(face)
    pen.ellipse((14, 4, 82, 96), fill=(50, 36, 28))
    pen.ellipse((18, 12, 78, 94), fill=tone)
    lid = 3 + 2.5 * (arousal + 1)
    for x in (36, 60):
        pen.ellipse((x - 7, 42 - lid, x + 7, 42 + lid), fill="white")
        pen.ellipse((x - 3, 39, x + 3, 45), fill=(40, 30, 30))
        brow = 30 - 4 * arousal
        inner = -3 * min(valence, 0) * (1 if x < 48 else -1)
        pen.line((x - 8, brow - inner, x + 8, brow + inner), fill=(50, 36, 28), width=3)
    bend = 9 * valence
    box = (36, 72 - abs(bend), 60, 72 + abs(bend) + 1)
    pen.arc(box, *((0, 180) if bend >= 0 else (180, 360)), fill=(150, 40, 40), width=3)
    return face


def _csv(path, columns, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _json(path, what):
    path.write_text(json.dumps(what), encoding="utf-8")


if __name__ == "__main__":
    import sys

    make(Path(sys.argv[1]))
