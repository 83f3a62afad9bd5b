"""Settings of the memories.

P§2.2 is Barros, Parisi & Wermter's "A Personalized Affective Memory Model" (2019), section 2.2, and
its Table 1; Marsland is Marsland, Shapiro & Nehmzow, "A self-organising network that grows when
required" (2002).
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Literal

from attrs import Attribute, Factory, field, frozen
from attrs.validators import and_, ge, gt, in_, le, lt

from affmem.errors import PluginError
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
    max_neurons: int = field(default=1000, validator=and_(ge(2), le(1_000_000)))
    """How many neurons there may be at most."""
    when_full: Literal["replace", "keep"] = field(
        default="replace", validator=in_(("replace", "keep"))
    )
    """What a full memory does where it would grow: the neuron that was best match longest ago goes
    ("replace", ties: the oldest place), or none is added and what there is adapts ("keep")."""
    approximate_above: int = field(default=1_000_000, validator=and_(ge(2), le(1_000_000)))
    """With more neurons than this, the nearest are searched approximately, which is faster and may
    miss them; 50,000 is a sensible value. The default is never. Needs the extra "search"."""
    reading: Literal["bmu", "blend"] = field(default="bmu", validator=in_(("bmu", "blend")))
    """What is read: the best-matching unit's label (P§2.2), or a mean of the nearest `blend`."""
    blend: int = field(default=5, validator=and_(ge(1), le(1000)))
    """How many of the nearest labelled neurons are blended, weighted by activation."""

    def build(self, _runtime: Runtime) -> Memory:
        """Raises PluginError where search may become approximate and "search" is not installed."""
        from affmem_memories.network import GrowingMemory

        if self.max_neurons > self.approximate_above:
            try:
                import affmem_memories.cells  # noqa: F401
            except ModuleNotFoundError as error:
                raise PluginError(
                    f"memory with 'approximate_above' = {self.approximate_above} needs "
                    f"{error.name}: pip install affmem[search]"
                ) from None
        return GrowingMemory(self)


@frozen
class GammaGWRConfig(GWRConfig):
    """Settings of memory "gamma-gwr": the same with a sense of time, as contexts of past matches.

    Parisi, Tani, Weber & Wermter, "Lifelong learning of human actions with deep neural network
    self-organization" (2017), and "... spatiotemporal representations ..." (2018).
    """

    contexts: int = field(default=2, validator=and_(ge(1), le(16)))
    """K: how many contexts a neuron has; each is as wide as a code."""
    alpha: tuple[float, ...] = field(default=(0.63, 0.234, 0.086))
    """alpha_0 ... alpha_K: what the code and each context weigh in the distance."""
    beta: float = field(default=0.7, validator=and_(ge(0.0), le(1.0)))
    """C_k = beta w_b + (1 - beta) c_{b, k-1}: what the last best match b weighs."""
    context_of: Literal["frames", "all"] = field(default="frames", validator=in_(("frames", "all")))
    """Which rows move the context: unlabelled ones only, so that a lesson of edits is learnt in the
    moment that it belongs to ("frames"), or labelled ones too ("all")."""

    @alpha.validator
    def _weighs(self, _field: "Attribute[Any]", alpha: tuple[float, ...]) -> None:
        if len(alpha) < self.contexts + 1:
            raise ValueError(
                f"'alpha' must have a weight for the code and each of {self.contexts} contexts: "
                f"{list(alpha)}"
            )
        if not all(isfinite(one) and one > 0 for one in alpha):
            raise ValueError(f"'alpha' must be numbers > 0: {list(alpha)}")


@frozen
class GNGConfig:
    """Settings of memory "gng": a growing neural gas with affect labels.

    Fritzke, "A growing neural gas network learns topologies" (1995), whose values these are, and
    "A self-organizing network that can follow non-stationary distributions" (1997) for `utility`.
    """

    learning_rate_bmu: float = field(default=0.2, validator=and_(gt(0.0), le(1.0)))
    """eps_b, for the best-matching unit."""
    learning_rate_neighbour: float = field(default=0.006, validator=and_(ge(0.0), le(1.0)))
    """eps_n, for its neighbours."""
    interval: int = field(default=25, validator=ge(1))
    """lambda: a neuron is added every so many rows (Fritzke: 100; a person's start is short)."""
    error_share: float = field(default=0.5, validator=and_(gt(0.0), le(1.0)))
    """alpha: what is left of the errors of the two neurons beside a new one."""
    error_decay: float = field(default=0.005, validator=and_(ge(0.0), lt(1.0)))
    """d: by this share all errors (and utilities) fall with each row."""
    utility: float = field(default=0.0, validator=ge(0.0))
    """k of GNG-U: the least useful neuron goes where the largest error is over k times its
    utility; for streams that drift, try 3. 0: none goes."""
    scale: float | Literal["data"] = field(default="data", validator=_scale)
    """s of the activation a = exp(-||x - w|| / s); "data": as for "gwr"."""
    scale_rows: int = field(default=200, validator=ge(2))
    """From how many of a person's first codes the scale "data" is measured."""
    activity_threshold: float = field(default=0.4, validator=and_(gt(0.0), le(1.0)))
    """A code whose activation is below counts as new to the memory; it changes no learning."""
    labelling: float = field(default=0.4, validator=and_(ge(0.0), le(1.0)))
    """gamma: how far a labelled code moves its best-matching unit's label toward its own."""
    max_age: int = field(default=50, validator=and_(ge(1), le(1_000_000)))
    """An edge goes when its neuron was best this often since the two were last best together."""
    max_neurons: int = field(default=1000, validator=and_(ge(2), le(1_000_000)))
    """How many neurons there may be at most."""
    reading: Literal["bmu", "blend"] = field(default="bmu", validator=in_(("bmu", "blend")))
    """What is read: the best-matching unit's label, or a mean of the nearest `blend`."""
    blend: int = field(default=5, validator=and_(ge(1), le(1000)))
    """How many of the nearest labelled neurons are blended, weighted by activation."""

    def build(self, _runtime: Runtime) -> Memory:
        from affmem_memories.network import GrowingMemory

        return GrowingMemory(self)


@frozen
class KNNConfig:
    """Settings of memory "knn": it keeps the labelled codes (edits) and reads the nearest.

    A baseline: it learns nothing from unlabelled frames.
    """

    nearest: int = field(default=5, validator=and_(ge(1), le(1000)))
    """How many of the nearest are blended, weighted by activation."""
    scale: float | Literal["data"] = field(default="data", validator=_scale)
    """s of the activation a = exp(-||x - w|| / s); "data": as for "gwr"."""
    scale_rows: int = field(default=200, validator=ge(2))
    """From how many of a person's first codes the scale "data" is measured."""
    activity_threshold: float = field(default=0.4, validator=and_(gt(0.0), le(1.0)))
    """A code whose activation is below counts as new to the memory."""
    max_rows: int = field(default=10_000, validator=and_(ge(2), le(1_000_000)))
    """How many codes are kept at most; then the oldest goes for each new one."""

    def build(self, _runtime: Runtime) -> Memory:
        from affmem_memories.knn import KNN

        return KNN(self)


@frozen
class NoneConfig:
    """Settings of memory "none": it learns nothing and says nothing, so prior knowledge stands."""

    def build(self, _runtime: Runtime) -> Memory:
        from affmem_memories.none import NoMemory

        return NoMemory()
