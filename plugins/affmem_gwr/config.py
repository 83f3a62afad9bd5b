"""Settings of the growing memory, and of none at all.

P§2.2 is Barros, Parisi & Wermter's "A Personalized Affective Memory Model" (2019), section 2.2, and
its Table 1; Marsland is Marsland, Shapiro & Nehmzow, "A self-organising network that grows when
required" (2002).
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Literal

from attrs import Attribute, Factory, field, frozen
from attrs.validators import and_, ge, gt, in_, le, lt

from affmem.protocols import Memory, Runtime

Preset = Literal["corrected", "paper"]

PRESETS: Mapping[Preset, Mapping[str, Any]] = {
    "corrected": {
        "activity_threshold": 0.85,
        "tau_bmu": 0.3,
        "tau_neighbour": 0.1,
        "kappa": 1.05,
        "scale": "data",
    },
    "paper": {
        "activity_threshold": 0.4,
        "tau_bmu": 0.087,
        "tau_neighbour": 0.087,
        "kappa": 0.032,
        "scale": 1.0,
    },
}
"""Where the settings as printed (P§2.2, Table 1) and ours differ; the others are alike in both."""


def _preset(name: str) -> Any:  # noqa: ANN401 (what `attrs.Factory` itself is typed as)
    """The default of setting `name`: what the chosen preset says."""

    def value(config: "GWRConfig") -> Any:  # noqa: ANN401
        return PRESETS.get(config.preset, PRESETS["corrected"])[name]

    return Factory(value, takes_self=True)


def _scale(_config: "GWRConfig", _field: "Attribute[Any]", value: object) -> None:
    known = (
        value == "data"
        if isinstance(value, str)
        else (isinstance(value, float | int) and isfinite(value) and value > 0)
    )
    if not known:
        raise ValueError(f"'scale' must be \"data\" or a number > 0: {value!r}")


def _falls(config: "GWRConfig", _field: "Attribute[Any]", kappa: float) -> None:
    fastest = max(config.tau_bmu, config.tau_neighbour)
    if kappa * fastest > 1:
        raise ValueError(f"'kappa' must be <= 1 / tau ({1 / fastest:.4g}), or h swings: {kappa}")
    if 1 - 1 / kappa >= config.habituation_threshold:
        raise ValueError(
            f"'kappa' must be < 1 / (1 - habituation_threshold), or h ends at "
            f"{1 - 1 / kappa:.4g} and nothing ever counts as habituated: {kappa}"
        )


@frozen
class GWRConfig:
    """Settings of memory "gwr": a network that grows when required, with affect labels.

    `preset` sets the defaults of the others; what is given beside it holds. A config always shows
    the values in force. Raises ValueError where a value is out of its range.

    >>> GWRConfig().kappa, GWRConfig(preset="paper").kappa, GWRConfig(preset="paper", kappa=1).kappa
    (1.05, 0.032, 1)
    """

    preset: Preset = field(default="corrected", validator=in_(("corrected", "paper")))
    """"corrected", or "paper": habituation and distances as printed in P§2.2 and Table 1."""
    activity_threshold: float = field(
        default=_preset("activity_threshold"), validator=and_(gt(0.0), le(1.0))
    )
    """a_t: a neuron is added only where the best match is less active than this.

    0.85; paper: 0.4 (Table 1), which belongs to its scale of 1.
    """
    habituation_threshold: float = field(default=0.2, validator=and_(gt(0.0), lt(1.0)))
    """h_t: a neuron is added only beside one whose habituation h is below this (Table 1)."""
    learning_rate_bmu: float = field(default=0.087, validator=and_(gt(0.0), le(1.0)))
    """eps_b of eq. (8), for the best-matching unit.

    P§2.2 gives no value; 0.087 and 0.032 stand in Table 1 under another name.
    """
    learning_rate_neighbour: float = field(default=0.032, validator=and_(ge(0.0), le(1.0)))
    """eps_n of eq. (8), for its neighbours; 0: the best-matching unit alone learns."""
    novelty: bool = True
    """Whether eq. (8) has its factor (1 - a), by which new faces move neurons more."""
    tau_bmu: float = field(default=_preset("tau_bmu"), validator=and_(gt(0.0), le(1.0)))
    """tau_b of the habituation rule dh = tau * kappa * (1 - h) - tau.

    0.3 (Marsland's usual: below 0.2 at the 5th firing, ending at 0.048); paper: 0.087 as printed in
    Table 1 (below 0.2 at the 10th firing, 0 at the 12th, where it is held).
    """
    tau_neighbour: float = field(default=_preset("tau_neighbour"), validator=and_(gt(0.0), le(1.0)))
    """tau_n, of the neighbours. 0.1; paper: 0.087 (Table 1 prints one tau for both)."""
    kappa: float = field(default=_preset("kappa"), validator=[gt(0.0), _falls])
    """kappa of the habituation rule. 1.05; paper: 0.032 as printed."""
    distance: Literal["norm", "square"] = field(default="norm", validator=in_(("norm", "square")))
    """r in the activity a = exp(-r): the norm ||x - w|| / s, or its square."""
    scale: float | Literal["data"] = field(default=_preset("scale"), validator=_scale)
    """s, the length that counts as far: a number, or "data".

    "data" is the root-mean-square distance of the first `scale_rows` codes to their mean, as known
    at each of these rows, and fixed from then on. Paper: 1.
    """
    scale_rows: int = field(default=200, validator=ge(2))
    """From how many of a person's first codes the scale "data" is measured."""
    labelling: float = field(default=0.4, validator=and_(ge(0.0), le(1.0)))
    """gamma: how far a labelled code moves its best-matching unit's label toward its own."""
    insertion: float = field(default=0.5, validator=and_(gt(0.0), le(1.0)))
    """Where a new neuron stands on the way from the best match (0) to the code (1).

    0.5 is Marsland's; P§2.2 does not say.
    """
    max_age: int = field(default=100, validator=and_(ge(1), le(1_000_000)))
    """An edge goes when its neuron was best this often since the two were last best together."""
    max_neurons: int = field(default=1000, validator=and_(ge(2), le(20_000)))
    """At this size the memory adapts what it has and adds none."""
    reading: Literal["bmu", "neighbours"] = field(
        default="bmu", validator=in_(("bmu", "neighbours"))
    )
    """What is read: the best-matching unit's label (P§2.2), or, weighted by activity, the mean of
    its label and its neighbours'."""

    def build(self, _runtime: Runtime) -> Memory:
        from affmem_gwr.gwr import GWR

        return GWR(self)


@frozen
class NoneConfig:
    """Settings of memory "none": it learns nothing and says nothing, so prior knowledge stands."""

    def build(self, _runtime: Runtime) -> Memory:
        from affmem_gwr.none import NoMemory

        return NoMemory()
