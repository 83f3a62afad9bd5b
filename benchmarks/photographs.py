"""Is a smile seen in a photograph? `python benchmarks/photographs.py FOLDER`; JSON comes last.

FOLDER holds NNN_neutral.jpg and NNN_smiling.jpg of the same persons (the Face Research Lab London
Set, doi:10.6084/m9.figshare.5047666, CC BY 4.0, is such a set). Nobody annotated affect there: all
that is asked is whether the smiling picture is read as higher in valence than the neutral one.
"""

import json
from pathlib import Path

import click
import numpy as np
from scipy.stats import binomtest

from affmem import Runtime
from affmem.gallery import read, save, sheet
from affmem_faces.config import MTCNNConfig
from affmem_pk.config import PKConfig


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Else the bundled one.")
@click.option("--edits", type=click.Path(path_type=Path), help="A sheet of edits to write (.png).")
def main(folder: Path, checkpoint: Path | None, edits: Path | None) -> None:
    """Measure and print."""
    pk = PKConfig(checkpoint=checkpoint).build(Runtime())
    finder = MTCNNConfig().build(Runtime())
    persons = sorted({path.stem[:3] for path in folder.glob("*_smiling.jpg")})
    faces = {}
    for person in persons:
        for look in ("neutral", "smiling"):
            face = next(finder.find([read(folder / f"{person}_{look}.jpg")]))
            if face is not None:
                faces[person, look] = face
    both = [one for one in persons if {(one, "neutral"), (one, "smiling")} <= faces.keys()]
    valence = {
        look: pk.read(pk.encode(np.stack([faces[one, look] for one in both])))[:, 1]
        for look in ("neutral", "smiling")
    }
    higher = int((valence["smiling"] > valence["neutral"]).sum())
    interval = binomtest(higher, len(both)).proportion_ci(method="wilson")
    print(f"{higher} of {len(both)} persons read as higher in valence when they smile")
    if edits is not None:
        wanted = np.array([[0.0, -0.8], [0.0, 0.0], [0.3, 0.9], [0.9, 0.0]], np.float32)
        rows = [
            [faces[one, "neutral"], *pk.edit(faces[one, "neutral"], wanted)] for one in both[:5]
        ]
        save(sheet(np.concatenate([np.stack(row) for row in rows]), len(wanted) + 1), edits)
    figures = {
        "persons": len(both),
        "share": round(higher / len(both), 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
        "mean_difference": round(float((valence["smiling"] - valence["neutral"]).mean()), 4),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
