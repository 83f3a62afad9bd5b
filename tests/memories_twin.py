"""The growing memories written out plainly: neurons as objects, one numpy row each, and loops.

Slow, and meant to be read beside the papers. Every sum runs in the order, and every value has the
type, that the memories promise: the two must agree in every bit.
"""

from dataclasses import dataclass, field
from math import exp, isnan, sqrt

import numpy as np

from affmem_memories.config import GammaGWRConfig, GNGConfig, GWRConfig

F = np.float32


@dataclass(eq=False)
class Neuron:
    weight: np.ndarray
    label: np.ndarray
    born: int
    habituation: float = 1.0
    error: float = 0.0
    utility: float = 0.0
    wins: int = 0
    last: int = 0
    distance: float = 0.0
    edges: dict["Neuron", int] = field(default_factory=dict)

    def __post_init__(self):
        self.last = self.born


class Twin:
    """What GWR, Gamma-GWR and GNG share."""

    def __init__(self, config):
        self.config = config
        self.neurons: list[Neuron] = []
        self.clock = 0
        self.seen = 0
        self.mean = None
        self.squares = 0.0
        self.scale = 1.0
        gamma = isinstance(config, GammaGWRConfig)
        self.contexts = config.contexts if gamma else 0
        weights = config.alpha[: self.contexts + 1] if gamma else (1.0,)
        self.alpha = np.sqrt(np.array(weights)).astype(F)
        self.context = None

    def begin(self):
        if self.context is not None:
            self.context[:] = 0

    def partial_fit(self, codes, labels):
        if self.context is None:
            self.context = np.zeros((self.contexts, codes.shape[1]), F)
        for code, label in zip(codes, labels, strict=True):
            x = np.concatenate([self.alpha[0] * code, *(self.alpha[1:, None] * self.context)])
            self.see(x)
            self.clock += 1
            if len(self.neurons) < 2:
                best = Neuron(x, label.copy(), self.clock)
                self.neurons.append(best)
            else:
                best = self.learn(x, label)
            if self.contexts and (self.config.context_of == "all" or isnan(label[0])):
                parts = best.weight.reshape(self.contexts + 1, -1) / self.alpha[:, None]
                now, before = F(self.config.beta), F(1.0 - self.config.beta)
                self.context = now * parts[0] + before * parts[:-1]

    # --- measuring --------------------------------------------------------------------------

    def see(self, x):
        if self.config.scale != "data":
            self.scale = float(self.config.scale)
            return
        if self.seen >= self.config.scale_rows:
            return
        self.seen += 1
        if self.mean is None:
            self.mean = np.zeros(len(x))
        grown = 0.0
        for k in range(len(x)):
            before = float(x[k]) - self.mean[k]
            self.mean[k] += before / self.seen
            grown += before * (float(x[k]) - self.mean[k])
        self.squares += grown
        self.scale = sqrt(self.squares / self.seen) if self.squares > 0 else 1.0

    def two_nearest(self, x):
        squares = np.zeros(len(self.neurons), F)
        weights = np.array([neuron.weight for neuron in self.neurons])
        for k in range(len(x)):
            squares += (x[k] - weights[:, k]) ** 2
        first, second = np.argsort(squares, kind="stable")[:2]
        won = self.neurons[first]
        won.wins += 1
        won.last = self.clock
        won.distance += (sqrt(squares[first]) - won.distance) / won.wins
        return won, self.neurons[second], float(squares[first]), float(squares[second])

    # --- changing ---------------------------------------------------------------------------

    def move(self, neuron, x, rate):
        neuron.weight = neuron.weight + F(rate) * (x - neuron.weight)

    def relabel(self, neuron, label):
        if isnan(label[0]):
            return
        known = not isnan(neuron.label[0])
        held = neuron.label if known else np.zeros(2, F)
        neuron.label = held + F(self.config.labelling if known else 1.0) * (label - held)

    def forget(self, best):
        alone = []
        for other, age in list(best.edges.items()):
            if age > self.config.max_age:
                part(best, other)
                if not other.edges:
                    alone.append(other)
        self.remove(alone)

    def remove(self, neurons):
        """The highest place first; the last neuron takes each place."""
        for neuron in sorted(neurons, key=self.neurons.index, reverse=True):
            for other in list(neuron.edges):
                part(neuron, other)
            last = self.neurons.pop()
            if last is not neuron:
                self.neurons[self.neurons.index(neuron)] = last


class GWRTwin(Twin):
    """Marsland et al. 2002; P§2.2; contexts: Parisi et al. 2017, 2018."""

    config: GWRConfig

    def learn(self, x, label):
        config = self.config
        best, second, square, _ = self.two_nearest(x)
        far = sqrt(square) / self.scale
        a = exp(-far * far if config.distance == "square" else -far)
        for other in best.edges:
            best.edges[other] += 1
            other.edges[best] += 1
        join(best, second)
        fired = list(best.edges)
        full = len(self.neurons) >= config.max_neurons
        may = not full or (config.when_full == "replace" and config.max_neurons > 2)
        grows = (
            a < config.activity_threshold
            and best.habituation < config.habituation_threshold
            and may
        )
        if not grows:
            novelty = 1.0 - a if config.novelty else 1.0
            self.move(best, x, config.learning_rate_bmu * best.habituation * novelty)
            if config.learning_rate_neighbour > 0:
                for other in fired:
                    rate = config.learning_rate_neighbour * other.habituation * novelty
                    self.move(other, x, rate)
            self.relabel(best, label)
        self.habituate(best, config.tau_bmu)
        for other in fired:
            self.habituate(other, config.tau_neighbour)
        if grows:
            if full:
                self.give_up(best, second)
            middle = F(1.0 - config.insertion) * best.weight + F(config.insertion) * x
            new = Neuron(middle, (best.label if isnan(label[0]) else label).copy(), self.clock)
            self.neurons.append(new)
            join(new, best)
            join(new, second)
            part(best, second)
        self.forget(best)
        return best

    def habituate(self, neuron, tau):
        h = neuron.habituation
        neuron.habituation = min(h, max(0.0, h + tau * (self.config.kappa * (1.0 - h) - 1.0)))

    def give_up(self, best, second):
        victim = min(
            (neuron for neuron in self.neurons if neuron not in (best, second)),
            key=lambda neuron: neuron.last,
        )
        beside = [other for other in victim.edges if len(other.edges) == 1]
        self.remove([victim, *beside])


class GNGTwin(Twin):
    """Fritzke 1995, and 1997 for utility."""

    config: GNGConfig

    def learn(self, x, label):
        config = self.config
        best, second, square, other_square = self.two_nearest(x)
        best.error += square
        best.utility += other_square - square
        self.move(best, x, config.learning_rate_bmu)
        for other in best.edges:
            best.edges[other] += 1
            other.edges[best] += 1
            self.move(other, x, config.learning_rate_neighbour)
        join(best, second)
        self.relabel(best, label)
        self.forget(best)
        if self.clock % config.interval == 0 and len(self.neurons) < config.max_neurons:
            self.insert()
        if config.utility > 0 and len(self.neurons) > 2:
            self.drop_useless()
        for neuron in self.neurons:
            neuron.error *= 1.0 - config.error_decay
            neuron.utility *= 1.0 - config.error_decay
        return best

    def insert(self):
        edged = [neuron for neuron in self.neurons if neuron.edges]
        worst = max(edged, key=lambda neuron: neuron.error)  # ties: the first
        places = sorted(worst.edges, key=self.neurons.index)
        beside = max(places, key=lambda neuron: neuron.error)
        labels = [one.label for one in (worst, beside) if not isnan(one.label[0])]
        if len(labels) == 2:
            labels = [(labels[0] + labels[1]) * F(0.5)]
        label = labels[0] if labels else worst.label
        new = Neuron((worst.weight + beside.weight) * F(0.5), label.copy(), self.clock)
        self.neurons.append(new)
        part(worst, beside)
        join(new, worst)
        join(new, beside)
        worst.error *= self.config.error_share
        beside.error *= self.config.error_share
        new.error = worst.error
        new.utility = (worst.utility + beside.utility) / 2

    def drop_useless(self):
        useless = min(self.neurons, key=lambda neuron: neuron.utility)
        if not max(one.error for one in self.neurons) > self.config.utility * useless.utility:
            return
        alone = [other for other in useless.edges if len(other.edges) == 1]
        if len(self.neurons) - 1 - len(alone) >= 2:
            self.remove([useless, *alone])


def join(one, other):
    one.edges[other] = other.edges[one] = 0


def part(one, other):
    del one.edges[other], other.edges[one]


def twin(config, codes, labels):
    """The twin of a memory with that config, after these rows."""
    made = (GNGTwin if isinstance(config, GNGConfig) else GWRTwin)(config)
    made.partial_fit(codes, labels)
    return made
