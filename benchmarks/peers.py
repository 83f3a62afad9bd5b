"""What `memory.py` races against: two plain growing-when-required networks, others' packages, C.

Each peer starts from the state of a grown network of ours (others' packages grow their own of the
same size) and offers `learn(codes)`, a row at a time.
"""

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from math import exp, sqrt
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from affmem.values import Codes, State
from affmem_memories.config import GWRConfig
from affmem_memories.net import SCALE

LANES = 32
FAR = 1e15
"""Where the places of a block lie that no neuron has; -ffast-math knows no infinity."""
FLAGS = ("-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")

Learn = Callable[[Codes], None]


class Loop:
    """As most public ones are written: a graph of neurons, and a loop over them for each row."""

    def __init__(self, state: State, config: GWRConfig) -> None:
        self.config, self.scale = config, float(state["sums"][SCALE])
        self.graph = nx.Graph()
        for index, (weight, h) in enumerate(
            zip(state["weights"], state["habituation"], strict=True)
        ):
            self.graph.add_node(index, weight=weight.copy(), h=float(h))
        for (one, other), age in zip(state["edges"].tolist(), state["ages"].tolist(), strict=True):
            self.graph.add_edge(one, other, age=age)

    def learn(self, codes: Codes) -> None:
        """Learn the rows, in order."""
        config, nodes = self.config, self.graph.nodes
        for x in codes:
            distances = [(np.linalg.norm(x - nodes[one]["weight"]), one) for one in self.graph]
            (distance, best), (_, second) = sorted(distances)[:2]
            for edge in self.graph[best].values():
                edge["age"] += 1
            self.graph.add_edge(best, second, age=0)
            novelty = 1 - exp(-distance / self.scale)
            self.move(best, x, config.learning_rate_bmu * novelty, config.tau_bmu)
            for other in self.graph[best]:
                self.move(other, x, config.learning_rate_neighbour * novelty, config.tau_neighbour)
            old = [one for one, edge in self.graph[best].items() if edge["age"] > config.max_age]
            for one in old:
                self.graph.remove_edge(best, one)
                if not self.graph[one]:
                    self.graph.remove_node(one)

    def move(self, index: int, x: Codes, rate: float, tau: float) -> None:
        """Move a neuron toward the row, and habituate it."""
        node = self.graph.nodes[index]
        node["weight"] += rate * node["h"] * (x - node["weight"])
        fallen = node["h"] + tau * (self.config.kappa * (1 - node["h"]) - 1)
        node["h"] = min(node["h"], max(0.0, fallen))


class Dense:
    """As a careful numpy one is written: all distances at once, and ages as an N x N matrix.

    This project's own until it was compiled, less what a memory does beside learning.
    """

    def __init__(self, state: State, config: GWRConfig) -> None:
        self.config, self.scale = config, float(state["sums"][SCALE])
        self.weights = state["weights"].copy()
        self.h = state["habituation"].astype(np.float32)
        self.ages = np.full((len(self.h), len(self.h)), -1, np.int32)
        one, other = state["edges"].T
        self.ages[one, other] = self.ages[other, one] = state["ages"]

    def learn(self, codes: Codes) -> None:
        """Learn the rows, in order."""
        config, h = self.config, self.h
        for x in codes:
            apart = x - self.weights
            squares = np.einsum("ij,ij->i", apart, apart)
            best = int(squares.argmin())
            novelty = 1 - exp(-sqrt(float(squares[best])) / self.scale)
            squares[best] = np.inf
            second = int(squares.argmin())
            ages = self.ages[best]
            ages[second] = 0
            beside = np.flatnonzero(ages != -1)
            ages[beside] += 1
            ages[second] = 0
            self.ages[beside, best] = ages[beside]
            self.weights[best] += config.learning_rate_bmu * novelty * h[best] * apart[best]
            rates = config.learning_rate_neighbour * novelty * h[beside]
            self.weights[beside] += rates[:, None] * apart[beside]
            fallen = h[best] + config.tau_bmu * (config.kappa * (1 - h[best]) - 1)
            h[best] = min(h[best], max(0.0, fallen))
            fallen = h[beside] + config.tau_neighbour * (config.kappa * (1 - h[beside]) - 1)
            h[beside] = np.minimum(h[beside], np.maximum(fallen, 0))
            old = beside[ages[beside] > config.max_age]
            if old.size:  # whom this leaves alone stays here: no neuron is removed
                self.ages[best, old] = self.ages[old, best] = -1


class Law(ctypes.Structure):
    """`Law` of bound.c."""

    _fields_ = tuple(
        (name, ctypes.c_double)
        for name in ("rate_bmu", "rate_neighbour", "tau_bmu", "tau_neighbour", "kappa", "scale")
    )


class Bound:
    """bound.c, on a network whose edges stay as they are."""

    def __init__(self, library: ctypes.CDLL, state: State, config: GWRConfig) -> None:
        self.run = library.learn
        self.run.restype = ctypes.c_long
        size, width = state["weights"].shape
        self.neurons, self.moved = size, 0
        self.weights = np.full((-(-size // LANES), width, LANES), FAR, np.float32)
        block, lane = np.divmod(np.arange(size), LANES)
        self.weights[block, :, lane] = state["weights"]
        self.h = state["habituation"].copy()
        ends = np.concatenate([state["edges"], state["edges"][:, ::-1]])
        ends = ends[np.argsort(ends[:, 0], kind="stable")]
        self.degree = np.bincount(ends[:, 0], minlength=size).astype(np.int32)
        self.neighbours = np.zeros((size, max(int(self.degree.max()), 1)), np.int32)
        slot = np.arange(len(ends)) - np.repeat(np.cumsum(self.degree) - self.degree, self.degree)
        self.neighbours[ends[:, 0], slot] = ends[:, 1]
        self.law = Law(
            config.learning_rate_bmu,
            config.learning_rate_neighbour,
            config.tau_bmu,
            config.tau_neighbour,
            config.kappa,
            float(state["sums"][SCALE]),
        )

    def learn(self, codes: Codes) -> None:
        """Learn the rows, in one call; `moved` counts the neighbours that moved."""
        arrays = (self.weights, self.h, self.degree, self.neighbours)
        sizes = (self.neighbours.shape[1], self.neurons, codes.shape[1])
        self.moved = self.run(
            *(ctypes.c_void_p(array.ctypes.data) for array in arrays),
            *(ctypes.c_long(size) for size in sizes),
            ctypes.c_void_p(codes.ctypes.data),
            ctypes.c_long(len(codes)),
            ctypes.byref(self.law),
        )


def bound_library(folder: Path) -> ctypes.CDLL | None:
    """bound.c, compiled into that folder; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source, made = Path(__file__).with_name("bound.c"), folder / "bound.so"
    subprocess.run([compiler, *FLAGS, source, "-o", made, "-lm"], check=True)  # noqa: S603
    return ctypes.CDLL(str(made))


# --- others' packages ---------------------------------------------------------------------------


def minigng(size: int, codes: Codes) -> Learn:
    """PyPI's minigng."""
    from minigng import MiniGNG

    network = MiniGNG(sigma=1, max_units=size, shuffle=False)
    while len(network.units) < size:
        network.partial_fit(codes[:size])
    return network.partial_fit


def minisom(size: int, codes: Codes) -> Learn:
    """MiniSom, a grid of 25 units by the rest."""
    from minisom import MiniSom

    grid = MiniSom(25, size // 25, codes.shape[1], random_seed=0)
    grid.random_weights_init(codes)
    return lambda rows: grid.train(rows, len(rows))


def k_means(size: int, codes: Codes) -> Learn:
    """scikit-learn's MiniBatchKMeans, in batches of one."""
    from sklearn.cluster import MiniBatchKMeans

    return _one_by_one(MiniBatchKMeans(size, n_init=1, random_state=0).partial_fit(codes))


def birch(size: int, codes: Codes) -> Learn:
    """scikit-learn's Birch, in batches of one; it starts with a leaf a neuron and grows on."""
    from sklearn.cluster import Birch

    return _one_by_one(Birch(threshold=0.01, n_clusters=None).partial_fit(codes[:size]))


def _one_by_one(estimator: Any) -> Learn:  # noqa: ANN401
    def learn(codes: Codes) -> None:
        for row in range(len(codes)):
            estimator.partial_fit(codes[row : row + 1])

    return learn


PACKAGES = {
    "minigng": minigng,
    "MiniSom": minisom,
    "MiniBatchKMeans": k_means,
    "Birch": birch,
}
