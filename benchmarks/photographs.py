"""What the prior knowledge sees in photographs, and whether it sees it alike in everybody.

    python benchmarks/photographs.py [FOLDER]

FOLDER holds NNN_neutral.jpg and NNN_smiling.jpg of the same persons, as the Face Research Lab
London Set does (DeBruine and Jones 2017, doi:10.6084/m9.figshare.5047666, CC BY 4.0), and its
`london_faces_info.csv`, where persons say their age, gender and ethnicity; without it, persons are
told apart by their skin alone, which the pictures show. Nobody annotated affect there. So this asks
no more than: is a face found; is the smile read as higher in valence than the neutral face; how is
the neutral face read; are edits of it read back as the affect asked for. Each has a 95 % interval
(shares: Wilson 1927; means: percentile bootstrap over persons), and so has each group's difference
from the largest group (shares: Newcombe 1998, method 10). JSON comes last.
"""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
import numpy as np
from scipy.stats import binomtest
from scipy.stats import bootstrap as resample

from affmem import Runtime
from affmem.gallery import lattice, save, sheet
from affmem.pictures import read
from affmem_faces.config import MTCNNConfig
from affmem_pk.config import PKConfig

FEWEST = 5
"""Of a smaller group nothing is said: it would be said of persons."""
INFO = "london_faces_info.csv"
CHEEKS = ((slice(52, 62), slice(24, 34)), (slice(52, 62), slice(62, 72)))
"""Rows and columns of both cheeks in an aligned face."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="../shared/faces")
@click.option("--info", type=click.Path(path_type=Path), help=f"Else {INFO} in FOLDER.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Else the bundled one.")
@click.option("--edits", type=click.Path(path_type=Path), help="A sheet of edits to write (.png).")
def main(folder: Path, info: Path | None, checkpoint: Path | None, edits: Path | None) -> None:
    """Measure and print."""
    if not folder.is_dir():
        print(f"skipped: no folder {folder}")
        return
    pk = PKConfig(checkpoint=checkpoint).build(Runtime())
    finder = MTCNNConfig().build(Runtime())
    persons = sorted({path.stem[:3] for path in folder.glob("*_smiling.jpg")})
    faces = {}
    for person in persons:
        pictures = (read(folder / f"{person}_{look}.jpg") for look in ("neutral", "smiling"))
        found = [next(finder.find([picture])) for picture in pictures]
        if all(face is not None for face in found):
            faces[person] = np.stack(found)
    both = list(faces)
    neutral, smiling = np.stack(list(faces.values())).swapaxes(0, 1)
    at_rest, smile = (pk.read(pk.encode(some)) for some in (neutral, smiling))
    asked = lattice()
    back = np.stack([pk.read(pk.encode(pk.edit(face, asked))) for face in neutral])
    error = np.abs(back - asked).mean(axis=(1, 2))
    rise = smile[:, 1] - at_rest[:, 1]
    shares = {
        "both faces found": {one: one in faces for one in persons},
        "smile read as higher": dict(zip(both, rise > 0, strict=True)),
    }
    means = {
        "rise of valence in the smile": dict(zip(both, rise, strict=True)),
        "valence of the neutral face": dict(zip(both, at_rest[:, 1], strict=True)),
        "arousal of the neutral face": dict(zip(both, at_rest[:, 0], strict=True)),
        "error of edits read back": dict(zip(both, error, strict=True)),
    }
    groups = {"everyone": {"everyone": persons}}
    groups["skin in the picture"] = by_skin(dict(zip(both, neutral, strict=True)))
    table = info or folder / INFO
    if table.exists() or info:
        groups |= by_themselves(table, persons)
    else:
        print(f"no {table}: who is how old, of which gender and ethnicity is not known")
    figures = {
        attribute: described(split, shares, means, len(persons))
        for attribute, split in groups.items()
    }
    report(figures)
    if edits is not None:
        wanted = np.array([[0.0, -0.8], [0.0, 0.0], [0.3, 0.9], [0.9, 0.0]], np.float32)
        rows = [[face, *pk.edit(face, wanted)] for face in neutral[:5]]
        save(sheet(np.concatenate([np.stack(row) for row in rows]), len(wanted) + 1), edits)
    print(json.dumps(figures))


Groups = Mapping[str, Sequence[str]]
Figures = dict[str, dict[str, object]]


def by_skin(faces: Mapping[str, np.ndarray]) -> Groups:
    """Thirds of the persons by the individual typology angle of their cheeks (Chardon et al. 1991),
    which the light of the picture moves too."""
    angle = {person: typology(face) for person, face in faces.items()}
    ordered = sorted(angle, key=lambda person: -angle[person])
    names = ("lighter", "middle", "darker")
    parts = [ordered[i * len(ordered) // 3 : (i + 1) * len(ordered) // 3] for i in range(3)]
    return {
        f"{name} ({angle[part[-1]]:.0f} to {angle[part[0]]:.0f} degrees)": part
        for name, part in zip(names, parts, strict=True)
    }


def typology(face: np.ndarray) -> float:
    """atan((L* - 50) / b*) in degrees, of the median colour of both cheeks; sRGB, D65."""
    pixels = np.concatenate([face[:, rows, columns].reshape(3, -1) for rows, columns in CHEEKS], 1)
    colour = (np.median(pixels, axis=1) + 1) / 2
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    matrix = [[0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    y, z = np.cbrt(np.array(matrix) @ linear / [1.0, 1.0888])
    return float(np.degrees(np.arctan2(116 * y - 16 - 50, 200 * (y - z))))


def by_themselves(path: Path, persons: Sequence[str]) -> dict[str, Groups]:
    """Groups by what persons say of themselves."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["face_id"].lstrip("X"): row for row in csv.DictReader(file)}
    known = {person: rows[person] for person in persons if person in rows}
    gender = "face_gender" if "face_gender" in next(iter(rows.values())) else "face_sex"

    def split(name: Callable[[Mapping[str, str]], str]) -> Groups:
        found: dict[str, list[str]] = {}
        for person, row in known.items():
            found.setdefault(name(row), []).append(person)
        return {one: found[one] for one in sorted(found) if one}

    return {
        "age": split(lambda row: aged(row["face_age"])),
        "gender": split(lambda row: row[gender]),
        "ethnicity": split(lambda row: row["face_eth"].replace("_", " ")),
    }


def aged(years: str) -> str:
    """The group of an age; "" of none that is told."""
    if not years.isdigit():
        return ""
    return "18 to 24" if int(years) < 25 else "25 to 34" if int(years) < 35 else "35 and older"


def described(
    groups: Groups,
    shares: Mapping[str, Mapping[str, bool]],
    means: Mapping[str, Mapping[str, float]],
    everyone: int,
) -> Figures:
    """Figures of each group that is large enough, and of how it differs from the largest."""
    told = {name: some for name, some in groups.items() if len(some) >= FEWEST}
    most = max(told, key=lambda name: len(told[name]))
    figures: Figures = {}
    for name, some in told.items():
        row: dict[str, object] = {"persons": len(some)}
        for what, share in shares.items():
            mine, theirs = (
                np.array([share[p] for p in x if p in share]) for x in (some, told[most])
            )
            row[what] = proportion(mine)
            if name != most:
                row[f"{what}, less {most}"] = newcombe(mine, theirs)
        for what, mean in means.items():
            mine, theirs = (np.array([mean[p] for p in x if p in mean]) for x in (some, told[most]))
            row[what] = averaged(mine)
            if name != most:
                row[f"{what}, less {most}"] = difference(mine, theirs)
        figures[name] = row
    left = everyone - sum(map(len, told.values()))
    if left:
        figures["nothing is said of"] = {"persons": left}
    return figures


def proportion(yes: np.ndarray) -> list[float]:
    """A share with its interval."""
    interval = binomtest(int(yes.sum()), len(yes)).proportion_ci(method="wilson")
    return rounded(yes.mean(), interval.low, interval.high)


def newcombe(mine: np.ndarray, theirs: np.ndarray) -> list[float]:
    """The difference of two shares with its interval."""
    (p, low, high), (q, bottom, top) = proportion(mine), proportion(theirs)
    return rounded(
        p - q, p - q - np.hypot(p - low, top - q), p - q + np.hypot(high - p, q - bottom)
    )


def averaged(values: np.ndarray) -> list[float]:
    """A mean with its interval."""
    found = resample((values,), np.mean, method="percentile", rng=np.random.default_rng(1))
    return rounded(values.mean(), *found.confidence_interval)


def difference(mine: np.ndarray, theirs: np.ndarray) -> list[float]:
    """The difference of two means with its interval; each group is resampled by itself."""

    def apart(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        return x.mean(axis=axis) - y.mean(axis=axis)

    rng = np.random.default_rng(1)
    found = resample((mine, theirs), apart, method="percentile", vectorized=True, rng=rng)
    return rounded(mine.mean() - theirs.mean(), *found.confidence_interval)


def rounded(*values: float) -> list[float]:
    """To four digits."""
    return [round(float(one), 4) for one in values]


def report(figures: Mapping[str, Figures]) -> None:
    """Print Markdown: a table for each attribute, then the differences that leave out 0."""
    apart, all_of_them = [], 0
    for attribute, groups in figures.items():
        heads = [one for one in next(iter(groups.values())) if ", less " not in one]
        print(f"\n| {' | '.join([attribute, *heads])} |\n|{'---|' * (len(heads) + 1)}")
        for name, row in groups.items():
            cells = [row.get(one, "") for one in heads]
            shown = [
                f"{x[0]:.2f} [{x[1]:.2f}, {x[2]:.2f}]" if isinstance(x, list) else str(x)
                for x in cells
            ]
            print(f"| {' | '.join([name, *shown])} |")
            for what, x in row.items():
                if ", less " in what and isinstance(x, list):
                    all_of_them += 1
                    if x[1] > 0 or x[2] < 0:
                        apart.append(f"- {name}: {what}: {x[0]:+.2f} [{x[1]:+.2f}, {x[2]:+.2f}]")
    print(f"\n{len(apart)} of {all_of_them} differences have an interval that leaves out 0; one in")
    print("twenty would, were there none:", *apart, sep="\n")


if __name__ == "__main__":
    main()
