"""What is forgotten of old classes while new ones are learnt: `python benchmarks/forgetting.py`.

scikit-learn's 1,797 digits (8x8 pixels) arrive two classes at a time, 0 and 1 first, 8 and 9 last;
each row is shown once and no class comes back. After each pair comes the accuracy on held-out
digits of all classes seen so far; nobody is told which pair a digit is of.

Our memories know affects, not classes. So class c is taught as the c-th of ten points on the unit
circle, and what is read counts as the class of the nearest point: plainer than counting labels by
unit, and nothing but `partial_fit` and `predict`. But points blend: a label on its way from one
class to another passes by others. Settings are the defaults, but for those named; indented peers
store as many vectors as the "gwr" above. "gwr, labelling 0.1" was chosen after a look at such
splits: it says why "gwr" forgets, and is no contestant. The last line is JSON.
"""

import json
from collections.abc import Callable, Iterator
from math import sqrt
from typing import Any, Protocol

import numpy as np
from scipy import stats
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from affmem import Runtime
from affmem.protocols import MemoryConfig
from affmem_memories.config import GNGConfig, GWRConfig, KNNConfig

CLASSES = np.arange(10)
ANGLES = 2 * np.pi * CLASSES / len(CLASSES)
POINTS = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]).astype(np.float32)
SEEDS = range(10)
THRESHOLDS = (0.85, 0.45)
"""Activity thresholds of "gwr": the default, which keeps a third of all rows, and a thriftier."""
BATCH = 16
"""Rows that the classifiers by gradient are given at once."""

Numbers = np.ndarray[Any, Any]


class Learner(Protocol):
    """What is compared."""

    def learn(self, rows: Numbers, digits: Numbers) -> None: ...
    def guess(self, rows: Numbers) -> Numbers: ...
    def stored(self) -> int | None: ...


class Remembering:
    """One of our memories, taught points on a circle."""

    def __init__(self, config: MemoryConfig) -> None:
        self.memory = config.build(Runtime())

    def learn(self, rows: Numbers, digits: Numbers) -> None:
        self.memory.partial_fit(rows, POINTS[digits])

    def guess(self, rows: Numbers) -> Numbers:
        affects = self.memory.predict(rows).affects
        return np.linalg.norm(affects[:, None] - POINTS, axis=2).argmin(axis=1)

    def stored(self) -> int:
        return len(self.memory)


class Clustering:
    """k-means, a step a pair of classes; a centroid is of the class of most rows it got so far."""

    def __init__(self, centroids: int, seed: int) -> None:
        self.means = MiniBatchKMeans(centroids, random_state=seed)
        self.votes = np.zeros((centroids, len(CLASSES)), np.int64)

    def learn(self, rows: Numbers, digits: Numbers) -> None:
        self.means.partial_fit(rows)
        np.add.at(self.votes, (self.means.predict(rows), digits), 1)

    def guess(self, rows: Numbers) -> Numbers:
        """Of the nearest centroid that ever got a row."""
        known = np.flatnonzero(self.votes.any(axis=1))
        nearest = self.means.transform(rows)[:, known].argmin(axis=1)
        return self.votes[known[nearest]].argmax(axis=1)

    def stored(self) -> int:
        return len(self.votes)


class Everything:
    """The nearest of all rows: a ceiling."""

    def __init__(self) -> None:
        self.rows: list[Numbers] = []
        self.digits: list[Numbers] = []

    def learn(self, rows: Numbers, digits: Numbers) -> None:
        self.rows.append(rows)
        self.digits.append(digits)

    def guess(self, rows: Numbers) -> Numbers:
        nearest = KNeighborsClassifier(n_neighbors=1)
        return nearest.fit(np.vstack(self.rows), np.hstack(self.digits)).predict(rows)

    def stored(self) -> int:
        return sum(map(len, self.rows))


class Descending:
    """A classifier by gradient descent, which keeps no rows."""

    def __init__(self, model: SGDClassifier | MLPClassifier) -> None:
        self.model = model

    def learn(self, rows: Numbers, digits: Numbers) -> None:
        for begin in range(0, len(rows), BATCH):
            batch = slice(begin, begin + BATCH)
            self.model.partial_fit(rows[batch], digits[batch], classes=CLASSES)

    def guess(self, rows: Numbers) -> Numbers:
        return self.model.predict(rows)

    def stored(self) -> None:
        return None


def peers(seed: int, neurons: int, rows: int, first: int) -> dict[str, Callable[[], Learner]]:
    """Others that store as many vectors; k-means at most as many as the first pair has rows."""
    gas = GNGConfig(interval=rows // neurons, max_neurons=neurons)
    return {
        "gng": lambda: Remembering(gas),
        "knn, bounded": lambda: Remembering(KNNConfig(nearest=1, max_rows=neurons)),
        "MiniBatchKMeans": lambda: Clustering(min(neurons, first), seed),
    }


def others(seed: int) -> dict[str, Callable[[], Learner]]:
    """Those of another size, or of none."""
    return {
        "gwr, labelling 0.1": lambda: Remembering(GWRConfig(labelling=0.1)),
        "gng, defaults": lambda: Remembering(GNGConfig()),
        "knn": lambda: Remembering(KNNConfig(nearest=1)),
        "KNeighbors (ceiling)": Everything,
        "SGDClassifier": lambda: Descending(SGDClassifier(random_state=seed)),
        "MLPClassifier": lambda: Descending(MLPClassifier(random_state=seed)),
    }


Part = tuple[Numbers, Numbers]


def stages(part: Part) -> Iterator[Part]:
    """The rows of each pair of classes."""
    rows, digits = part
    for pair in range(5):
        here = digits // 2 == pair
        yield rows[here], digits[here]


def watch(learner: Learner, train: Part, test: Part) -> list[list[float]]:
    """After each pair: the accuracy on all classes so far, and on the first pair."""
    rows, digits = test
    curve = []
    for pair, (some, labels) in enumerate(stages(train)):
        learner.learn(some, labels)
        right = learner.guess(rows) == digits
        curve.append([right[digits // 2 <= pair].mean(), right[digits // 2 == 0].mean()])
    return curve


def race(seed: int) -> dict[str, tuple[list[list[float]], int | None]]:
    """Each contestant's curve and vectors, on one split in one order of rows."""
    rows, digits = load_digits(return_X_y=True)
    codes = (rows / 16).astype(np.float32)
    one, other, mine, theirs = train_test_split(
        codes, digits, test_size=0.25, stratify=digits, random_state=seed
    )
    train, test = (one, mine), (other, theirs)
    results: dict[str, tuple[list[list[float]], int | None]] = {}
    for threshold in THRESHOLDS:
        own = Remembering(GWRConfig(activity_threshold=threshold))
        results[f"gwr, {threshold}"] = watch(own, train, test), own.stored()
        for name, begun in peers(seed, own.stored(), len(mine), int((mine < 2).sum())).items():
            learner = begun()
            results[f"  {name} ({threshold})"] = watch(learner, train, test), learner.stored()
    for name, begun in others(seed).items():
        learner = begun()
        results[name] = watch(learner, train, test), learner.stored()
    return results


def interval(values: Numbers) -> dict[str, float]:
    """Mean over seeds, and half the width of its 95 % interval (Student's t)."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / sqrt(len(values))
    return {"mean": round(float(values.mean()), 4), "half": round(float(half), 4)}


def main() -> None:
    """Race, print and print again as JSON."""
    races = [race(seed) for seed in SEEDS]
    figures: dict[str, Any] = {}
    print(f"accuracy in %, mean and 95 % interval over {len(races)} splits")
    print(f"{'':26}{'vectors':>8}  " + "".join(f"{f'0-{2 * n + 1}':>7}" for n in range(4)), end="")
    print(f"{'all ten':>15}{'lost of 0, 1':>17}")
    for name in races[0]:
        curves = np.array([race[name][0] for race in races])
        counts = [race[name][1] for race in races]
        stored = None if counts[0] is None else round(float(np.mean(counts)), 1)
        final, lost = interval(curves[:, 4, 0]), interval(curves[:, 0, 1] - curves[:, 4, 1])
        means = curves[:, :, 0].mean(axis=0).round(4).tolist()
        figures[name.strip()] = {"vectors": stored, "stages": means, "final": final, "lost": lost}
        print(
            f"{name:26}{'-' if stored is None else f'{stored:,.0f}':>8}  "
            + "".join(f"{100 * mean:7.1f}" for mean in means[:4])
            + f"{100 * final['mean']:9.1f} ± {100 * final['half']:3.1f}"
            + f"{100 * lost['mean']:11.1f} ± {100 * lost['half']:3.1f}"
        )
    print(json.dumps({"seeds": len(races), "accuracy": figures}))


if __name__ == "__main__":
    main()
