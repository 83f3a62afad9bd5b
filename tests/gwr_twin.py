"""The growing memory written out slowly: neurons as objects, loops, plain numbers, no arrays."""

from dataclasses import dataclass, field
from math import dist, exp, isnan

from affmem_gwr.config import GWRConfig


@dataclass(eq=False)
class Neuron:
    weight: list[float]
    label: tuple[float, float] | None
    habituation: float = 1.0
    edges: dict["Neuron", int] = field(default_factory=dict)


def twin(config: GWRConfig, rows, labels) -> list[Neuron]:
    """The neurons after these rows, in the order that the memory holds them."""
    neurons: list[Neuron] = []
    for count, (x, label) in enumerate(zip(rows, labels, strict=True), start=1):
        y = None if isnan(label[0]) else (label[0], label[1])
        learn(config, neurons, x, y, scale(config, rows[: min(count, config.scale_rows)]))
    return neurons


def scale(config, seen):
    if config.scale != "data":
        return config.scale
    mean = [sum(column) / len(seen) for column in zip(*seen, strict=True)]
    return (sum(dist(x, mean) ** 2 for x in seen) / len(seen)) ** 0.5 or 1.0


def learn(config, neurons, x, y, s):
    if len(neurons) < 2:
        neurons.append(Neuron(list(x), y))
        return
    best, second = sorted(neurons, key=lambda neuron: dist(x, neuron.weight))[:2]
    distance = dist(x, best.weight) / s
    a = exp(-distance if config.distance == "norm" else -(distance**2))

    for other in best.edges:
        best.edges[other] += 1
        other.edges[best] += 1
    join(best, second)
    fired = list(best.edges)

    if (
        a < config.activity_threshold
        and best.habituation < config.habituation_threshold
        and len(neurons) < config.max_neurons
    ):
        share = config.insertion
        middle = [(1 - share) * w + share * c for w, c in zip(best.weight, x, strict=True)]
        new = Neuron(middle, best.label if y is None else y)
        neurons.append(new)
        join(new, best)
        join(new, second)
        part(best, second)
    else:
        novelty = 1 - a if config.novelty else 1.0
        move(best, x, config.learning_rate_bmu * best.habituation * novelty)
        for other in fired:
            move(other, x, config.learning_rate_neighbour * other.habituation * novelty)
        if y is not None and best.label is None:
            best.label = y
        elif y is not None:
            (a0, v0), g = best.label, config.labelling
            best.label = (a0 + g * (y[0] - a0), v0 + g * (y[1] - v0))

    tire(best, config.tau_bmu, config.kappa)
    for other in fired:
        tire(other, config.tau_neighbour, config.kappa)

    for other in [other for other, age in best.edges.items() if age > config.max_age]:
        part(best, other)
    for other in [neuron for neuron in reversed(neurons) if neuron in fired and not neuron.edges]:
        last = neurons.pop()
        if last is not other:
            neurons[neurons.index(other)] = last


def join(one, other):
    one.edges[other] = other.edges[one] = 0


def part(one, other):
    del one.edges[other], other.edges[one]


def move(neuron, x, rate):
    neuron.weight = [w + rate * (c - w) for w, c in zip(neuron.weight, x, strict=True)]


def tire(neuron, tau, kappa):
    h = neuron.habituation
    neuron.habituation = max(0.0, min(h, h + tau * kappa * (1 - h) - tau))
