"""Who is recognised in photographs: rightly, as another, or not at all.

    python benchmarks/recognition.py [FOLDER]

FOLDER holds NNN_neutral.jpg and NNN_smiling.jpg of the same persons, as the Face Research Lab
London Set does (DeBruine and Jones 2017, doi:10.6084/m9.figshare.5047666, CC BY 4.0). The neutral
face is what is known of a person, the smiling one is to be recognised: among everybody, and, as a
stranger's, among so many others, drawn by lot. Needs the extra "identity". JSON comes last.

Then, how long a session compares a stranger's face where a store keeps so many likenesses: as it
begins, in the first comparison, and in the next ones; and what all of it adds to the process.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import click
import numpy as np
import psutil

from affmem import Runtime
from affmem.assembly import build_parts
from affmem.catalogue import catalogue
from affmem.experiment import watching
from affmem.keeping import fingerprint
from affmem.known import Known
from affmem.pictures import read
from affmem.protocols import Encoder
from affmem.recognition import CLEARLY, FACES, FIRST, NEAR, Recognition, nearest
from affmem.run import open_shelf
from affmem.session import Session
from affmem.values import Image, Likeness

KNOWN = (1, 5, 20, 50)
"""How many persons are known, none of whom is the stranger."""
DRAWS = 200
"""How often those are drawn for each stranger."""
KEPT = (10, 100, 1000)
"""How many persons a store keeps."""
PICTURES = 16 * FIRST
"""That the stranger is in view for: five comparisons."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="../shared/faces")
def main(folder: Path) -> None:
    """Measure and print."""
    if not folder.is_dir():
        print(f"skipped: no folder {folder}")
        return
    finder = catalogue().config("faces", "mtcnn")().build(Runtime())
    encoder = catalogue().config("encoder", "identity")().build(Runtime())
    persons = sorted({path.stem[:3] for path in folder.glob("*_smiling.jpg")})
    pairs = []
    for person in persons:
        pictures = [read(folder / f"{person}_{look}.jpg") for look in ("neutral", "smiling")]
        found = [next(finder.find([picture])) for picture in pictures]
        if all(face is not None for face in found):
            pairs += found
    faces = np.stack(pairs)
    began = process_time()
    codes = np.concatenate([encoder.encode(face[None]) for face in faces])
    seconds = (process_time() - began) / len(faces)
    apart = np.linalg.norm(codes[1::2, None] - codes[None, ::2], axis=-1)
    rows = [row for near in (0.6, NEAR) for row in told(apart, near)]
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    same = float(np.diag(apart).max())
    figures = {"persons": len(apart), "milliseconds": round(1e3 * seconds, 1)}
    kept = [
        compared(number, encoder, read(folder / f"{persons[0]}_neutral.jpg")) for number in KEPT
    ]
    for row in kept:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    figures |= {"farthest of one person": round(same, 3), "rows": rows, "kept": kept}
    print(json.dumps(figures))


def compared(number: int, encoder: Encoder, picture: Image) -> dict[str, float]:
    """How long a stranger's face is compared, in milliseconds, where so many persons are kept."""
    rng = np.random.default_rng(0)
    with TemporaryDirectory() as folder:
        asked = watching(None, [f'store={{use="sql",file="{folder}/kept.sqlite"}}'])
        parts = build_parts(asked, Runtime())
        learnt, about = Session(parts), fingerprint(encoder)
        learnt.see(picture, 0.0)
        learnt.start(0, "grown")
        for time in range(FACES):
            learnt.see(picture, time)
        with closing(open_shelf(asked, parts)) as shelf:
            for one in range(number):
                code = rng.normal(size=(1, 128)).astype(np.float32)
                learnt.people["grown"].likeness = Likeness(code, FACES, about)
                shelf.agreed(f"person {one}")
                shelf.keep(f"person {one}", learnt.people["grown"].kept())
        process = psutil.Process()
        before, began = process.memory_info().rss, perf_counter()
        with closing(Known(open_shelf(asked, parts), parts)) as people:
            live = Session(parts, people, recognition=Recognition(encoder))
            begin, took = perf_counter() - began, []
            for time in range(PICTURES):
                earlier = live.clock.seconds.get("recognise", 0.0)
                live.see(picture, time)
                took.append(live.clock.seconds["recognise"] - earlier)
            said = sorted(took)[::-1]
            return {
                "kept": number,
                "begin, ms": round(1e3 * begin),
                "first, ms": round(1e3 * took[FIRST - 1]),
                "next, ms": round(1e3 * float(np.median(said[1:5]))),
                "MiB": round((process.memory_info().rss - before) / 2**20),
            }


def told(apart: np.ndarray, near: float) -> Iterator[dict[str, float]]:
    """What is said of distances [smiling, neutral], without and with a clear difference asked."""
    everyone = np.arange(len(apart))
    for clearly in (0.0, CLEARLY):
        said = [nearest(row, near, clearly) for row in apart]
        right = sum(who == row for row, who in enumerate(said))
        nobody = sum(who is None for who in said)
        figures: dict[str, float] = {"near": near, "clearly": clearly, "right": right}
        figures |= {"another": len(said) - right - nobody, "nobody": nobody}
        rng = np.random.default_rng(0)
        for known in KNOWN:
            taken = [
                nearest(
                    apart[row, rng.choice(np.delete(everyone, row), known, replace=False)],
                    near,
                    clearly,
                )
                for row in np.repeat(everyone, DRAWS)
            ]
            share = sum(one is not None for one in taken) / len(taken)
            figures[f"stranger among {known}, %"] = round(100 * share, 2)
        yield figures


if __name__ == "__main__":
    main()
