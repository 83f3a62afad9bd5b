"""Settings of the prior knowledge. Light: nothing here imports torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen
from attrs.validators import and_, deep_iterable, ge, gt, in_, instance_of, le, lt, optional, or_

from affmem.protocols import Memory, Runtime
from affmem.terms import Schedule, Shape, Term, Trainer

if TYPE_CHECKING:
    from affmem_pk.pk import PK

BUNDLED = Path(__file__).with_name("pk-small.safetensors")
"""The checkpoint that ships with the package: docs/model-card.md."""

BUNDLED_LATENT = Path(__file__).with_name("latent-small.safetensors")
"""The latent editor that ships with the package, of that checkpoint."""

Precision = Literal["fp32", "bf16", "fp16"]
Backbone = Literal["paper", "alexnet", "residual"]
BACKBONES: tuple[Backbone, ...] = ("paper", "alexnet", "residual")
Balance = Literal["none", "plane", "class"]
Optimizer = Literal["adam", "adamw"]
OPTIMIZERS: tuple[Optimizer, ...] = ("adam", "adamw")

_share = and_(ge(0.0), le(1.0))


@frozen
class NetworkConfig:
    """The shape of the networks (P§2.1; what the paper leaves open, as in its published code).

    >>> NetworkConfig(width=0.25).channels(512)
    128
    """

    width: float = field(default=0.25, validator=and_(ge(1 / 64), le(4.0)))
    """What every number of channels is multiplied by; 1 is the paper's."""
    code: int = field(default=50, validator=and_(ge(2), le(1024)))
    """Length of the code z."""
    hidden: int = field(default=64, validator=and_(ge(2), le(4096)))
    """Units in the hidden layer of D_em."""
    encoder: Backbone = field(default="paper", validator=in_(BACKBONES))
    """What E is: the paper's four convolutions, AlexNet, or a small residual network."""

    def channels(self, full: int) -> int:
        """How many channels there are for `full` at width 1."""
        return max(1, round(full * self.width))


@frozen
class PKConfig:
    """Settings of "pk" as encoder, reader and editor: a trained checkpoint, and how to run it."""

    checkpoint: Path | None = field(default=None, validator=optional(instance_of(Path)))
    """A file that trainer "pk" wrote; without it, the small one that ships with the package."""
    batch: int = field(default=50, validator=and_(ge(1), le(4096)))
    """How many faces go through the networks at once."""
    precision: Literal["fp32", "bf16"] = field(default="fp32", validator=in_(("fp32", "bf16")))
    """Of the arithmetic: "bf16" is faster where the processor has it, and its codes are rounder."""
    latent: Path | None = field(default=None, validator=optional(instance_of(Path)))
    """A file that trainer "latent" wrote, of this checkpoint, for starts by codes (`start.by`);
    without it, the one that ships, which is of the checkpoint that ships."""

    def build(self, runtime: Runtime) -> "PK":
        """Load the checkpoint. Raises InputError where it cannot be used."""
        from affmem_pk.pk import PK

        return PK(self, runtime)


@frozen
class TrainerConfig:
    """Settings of trainer "pk"."""

    width: float = field(default=0.25, validator=and_(ge(1 / 64), le(4.0)))
    """What every number of channels is multiplied by; 1 is the paper's, 0.25 the bundled one's."""
    code: int = field(default=50, validator=and_(ge(2), le(1024)))
    """Length of the code z."""
    hidden: int = field(default=64, validator=and_(ge(2), le(4096)))
    """Units in the hidden layer of D_em."""
    encoder: Backbone = field(default="paper", validator=in_(BACKBONES))
    """What E is: the paper's four convolutions, AlexNet, or a small residual network."""
    steps: int = field(default=4000, validator=ge(1))
    """Updates of the networks."""
    batch: int = field(default=48, validator=and_(ge(1), le(65_536)))
    """Faces of a step."""
    redrawn: float = field(default=0.5, validator=and_(gt(0.0), le(1.0)))
    """Share of a batch that G redraws; E and D_em, which cost far less, learn from all of it."""
    balance: Balance = field(default="none", validator=in_(("none", "plane", "class")))
    """With "plane", faces are drawn, with replacement, so that each cell of an 8 x 8 grid over the
    plane is seen as often as another, with "class" each word for an emotion that the dataset has,
    no face more than 10 times as often as with "none": there, a pass over the data sees each once.
    Faces without a word count as a class of their own."""
    optimizer: Optimizer = field(default="adam", validator=in_(OPTIMIZERS))
    """What makes steps of gradients: "adam" (the paper's), or "adamw", which lets weights decay by
    themselves (Loshchilov & Hutter 2019)."""
    learning_rate: float = field(default=5e-4, validator=and_(gt(0.0), le(1.0)))
    """For E, G and D_em at its highest. The paper's: 2e-4."""
    critic_rate: float = field(default=2e-4, validator=and_(gt(0.0), le(1.0)))
    """For D_prior and D_real."""
    betas: tuple[float, float] = field(
        default=(0.5, 0.999), validator=deep_iterable(and_(ge(0.0), lt(1.0)))
    )
    """Of both optimizers: how much of the past their two means keep."""
    weight_decay: float = field(default=0.0, validator=_share)
    """Of "adamw": the share, times the rate, of each weight that a step takes away. Of "adam": that
    share of each weight is added to its gradient."""
    clip: float | None = field(default=None, validator=optional(gt(0.0)))
    """The norm to which a longer gradient is scaled down, of each network by itself; not set: none
    is. The figures have the norms before that."""
    warmup: int = field(default=100, validator=ge(0))
    """Steps over which the rates rise."""
    cooldown: float = field(default=0.6, validator=_share)
    """Share of the steps at the end over which the rates fall to zero (half a cosine)."""
    init: Literal["he", "paper"] = field(default="he", validator=in_(("he", "paper")))
    """Deviation of the first weights: "paper" 0.02 everywhere; "he" sqrt(2 / inputs)."""
    checkpoint: Literal["bundled"] | Path | None = field(
        default=None, validator=optional(or_(in_(("bundled",)), instance_of(Path)))
    )
    """Whose E, G and D_em are the first weights, in place of `init`: a file that trainer "pk" or
    "personal" wrote, of the same `width`, `code`, `hidden` and `encoder`; "bundled": the one that
    ships. Critics begin by `init`, and a persons' network in the file, which reads the codes of
    before, is left behind."""
    augment: bool = field(default=True, validator=instance_of(bool))
    """Whether faces are moved, mirrored, relit, blurred and given noise."""
    average: float = field(default=0.998, validator=and_(ge(0.0), lt(1.0)))
    """How much of itself the running mean of the weights keeps a step; it is what is saved."""
    validation: float = field(default=0.05, validator=and_(ge(0.0), le(0.5)))
    """Share of the faces held out: the last ones, so that in data in order of persons it is persons
    who are held out."""
    precision: Precision = field(default="fp32", validator=in_(("fp32", "bf16", "fp16")))
    """Of the arithmetic: "bf16" is faster where the processor has it; "fp16", with its losses
    scaled, is for graphics cards without that."""
    report: int = field(default=100, validator=ge(1))
    """Steps between two reports."""
    save_every: int = field(default=200, validator=ge(1))
    """Steps between two states from which a training that was cut off goes on."""
    patience: int = field(default=0, validator=ge(0))
    """After so many reports without a better CCC on the faces held out, it stops; 0: never."""
    samples: int = field(default=0, validator=and_(ge(0), le(100)))
    """Of how many faces, held out if any are, each report keeps a picture, with edits; 0: no
    face is written."""
    half: bool = field(default=True, validator=instance_of(bool))
    """Whether the checkpoint holds float16, at half the size."""

    @property
    def network(self) -> NetworkConfig:
        """The shape of the networks."""
        return NetworkConfig(
            width=self.width, code=self.code, hidden=self.hidden, encoder=self.encoder
        )

    def build(self, runtime: Runtime) -> Trainer:
        """A trainer, which has not looked at any face yet."""
        from affmem_pk.training import PKTrainer

        return PKTrainer(self, runtime)


@frozen
class PersonalConfig:
    """Settings of memory "personal": the prior knowledge's reading, given who it is."""

    checkpoint: Path | None = field(
        default=None, validator=optional(instance_of(Path)), metadata={"follows": "encoder"}
    )
    """A file that trainer "personal" wrote, of the encoder in use; unless given, the encoder's."""

    def build(self, _runtime: Runtime) -> Memory:
        """A memory of nobody yet. Raises InputError where the checkpoint cannot be used."""
        from affmem_pk.personal import Personal

        return Personal(self)


@frozen
class PersonalTrainerConfig:
    """Settings of trainer "personal": it teaches memory "personal" how persons differ."""

    checkpoint: Path | None = field(default=None, validator=optional(instance_of(Path)))
    """The prior knowledge, which stays as it is; without it, the one that ships."""
    hidden: int = field(default=512, validator=and_(ge(1), le(65_536)))
    """Hidden units."""
    features: int = field(default=128, validator=and_(ge(1), le(65_536)))
    """Learnt features of a code, of which a person's means are kept beside centre and spread."""
    looks: float = field(default=5.0, validator=and_(gt(0.0), le(1e5)))
    """At so many independent looks, a person is known by half."""
    steps: int = field(default=4000, validator=ge(1))
    """Updates of the network."""
    batch: int = field(default=96, validator=and_(ge(1), le(65_536)))
    """Persons of a step, each known by a stretch of their faces that is drawn anew."""
    faces: int = field(default=6, validator=and_(ge(1), le(1000)))
    """Faces of each of them that are read."""
    learning_rate: float = field(default=2e-3, validator=and_(gt(0.0), le(1.0)))
    """Of AdamW at the beginning; it falls to zero."""
    decay: float = field(default=0.5, validator=and_(ge(0.0), le(100.0)))
    """Weight decay of AdamW."""
    dropout: float = field(default=0.2, validator=and_(ge(0.0), lt(1.0)))
    """Share of hidden units left out."""
    noise: float = field(default=0.1, validator=and_(ge(0.0), le(10.0)))
    """Deviation of the noise on codes, which have deviation 1."""
    validation: float = field(default=0.1, validator=and_(ge(0.0), le(0.5)))
    """Share of the persons held out: the last ones."""
    report: int = field(default=500, validator=ge(1))
    """Steps between two reports."""
    half: bool = field(default=True, validator=instance_of(bool))
    """Whether the checkpoint holds float16, at half the size."""

    def build(self, runtime: Runtime) -> Trainer:
        """A trainer, which has not looked at any face yet."""
        from affmem_pk.personal_training import PersonalTrainer

        return PersonalTrainer(self, runtime)


@frozen
class LatentTrainerConfig:
    """Settings of trainer "latent": it teaches the editor which codes its edits have."""

    checkpoint: Path | None = field(default=None, validator=optional(instance_of(Path)))
    """The prior knowledge, which teaches and stays as it is; without it, the one that ships."""
    edits: int = field(default=5, validator=and_(ge(1), le(10_000)))
    """Edits of each face, with affects by lot."""
    hidden: int = field(default=512, validator=and_(ge(1), le(65_536)))
    """Units of each of the two hidden layers."""
    steps: int = field(default=6000, validator=ge(1))
    """Updates of the network."""
    batch: int = field(default=512, validator=and_(ge(1), le(65_536)))
    """Edits of a step."""
    learning_rate: float = field(default=2e-3, validator=and_(gt(0.0), le(1.0)))
    """Of Adam at the beginning; it falls to zero (half a cosine)."""
    reading: float = field(default=1.0, validator=and_(ge(0.0), le(1e6)))
    """Weight of the error in D_em's reading beside that in the code."""
    validation: float = field(default=0.05, validator=and_(ge(0.0), le(0.5)))
    """Share of the persons held out: the last ones."""
    report: int = field(default=1000, validator=ge(1))
    """Steps between two reports."""
    half: bool = field(default=True, validator=instance_of(bool))
    """Whether the file holds float16, at half the size."""

    def build(self, runtime: Runtime) -> Trainer:
        """A trainer, which has not looked at any face yet."""
        from affmem_pk.latent_training import LatentTrainer

        return LatentTrainer(self, runtime)


# --- terms ------------------------------------------------------------------------------------
#
# Their weights are ours; those printed in P§3.1 are in examples/pk-paper.toml. With lambda 2 = 0.02
# D_em hardly learns, and without "edit" nothing asks that an edited face be read as asked.

Form = Literal["logistic", "hinge", "squares", "wasserstein"]
FORMS: tuple[Form, ...] = ("logistic", "hinge", "squares", "wasserstein")


def _weighs(default: float) -> Any:  # noqa: ANN401 (what `attrs.field` itself is typed as)
    return field(default=default, validator=and_(ge(0.0), le(1e6)))


@frozen
class ReconstructionConfig(Schedule):
    """Settings of term "reconstruction": |x - G(E(x), y)| (eq. 1)."""

    def build(self, _runtime: Runtime, _shape: Shape) -> Term:
        from affmem_pk.terms import Reconstruction

        return Reconstruction()


@frozen
class EmotionConfig(Schedule):
    """Settings of term "emotion": ||D_em(E(x)) - y||^2 (eq. 3)."""

    weight: float = _weighs(2.0)
    """lambda 2; 0.02 in the paper."""

    def build(self, _runtime: Runtime, _shape: Shape) -> Term:
        from affmem_pk.terms import Emotion

        return Emotion()


@frozen
class EditConfig(Schedule):
    """Settings of term "edit": ||D_em(E(G(E(x), y'))) - y'||^2, an edit is read as asked."""

    weight: float = _weighs(0.3)
    """The paper has no such term."""
    begin: float = field(default=0.15, validator=_share)
    """Share of the steps before it begins: as long as E reads badly, G satisfies it with pictures
    that fool E and show nothing."""

    def build(self, _runtime: Runtime, _shape: Shape) -> Term:
        from affmem_pk.terms import Edit

        return Edit()


@frozen
class VariationConfig(Schedule):
    """Settings of term "variation": total variation of edits, which P§2.1.1 argues against."""

    weight: float = _weighs(0.01)
    """Its lambda."""

    def build(self, _runtime: Runtime, _shape: Shape) -> Term:
        from affmem_pk.terms import Variation

        return Variation()


@frozen
class PriorConfig(Schedule):
    """Settings of term "prior": D_prior tells codes from uniform ones (eq. 4)."""

    weight: float = _weighs(0.01)
    """lambda 4."""
    form: Form = field(default="logistic", validator=in_(FORMS))
    """What the critic and E pay; "logistic" is the paper's, in its non-saturating form."""
    spectral: bool = field(default=False, validator=instance_of(bool))
    """Whether the critic's layers have their spectral norm held at 1 (Miyato et al. 2018)."""
    penalty: float = field(default=10.0, validator=and_(ge(0.0), le(1e4)))
    """Of the critic's gradient, in form "wasserstein" (Gulrajani et al. 2017)."""

    def build(self, _runtime: Runtime, shape: Shape) -> Term:
        from affmem_pk.terms import PriorDuel

        return PriorDuel(self, shape)


@frozen
class RealConfig(Schedule):
    """Settings of term "real": D_real tells edited faces from real ones, given y (eq. 5)."""

    weight: float = _weighs(0.02)
    """lambda 5; 0.01 in the paper."""
    begin: float = field(default=0.15, validator=_share)
    """Share of the steps before it begins."""
    every: int = field(default=2, validator=ge(1))
    """It takes part in every so many steps only."""
    form: Form = field(default="logistic", validator=in_(FORMS))
    """What the critic and G pay; "logistic" is the paper's, in its non-saturating form."""
    affect: Literal["every", "first"] = field(default="every", validator=in_(("every", "first")))
    """At which convolutions the affect comes in: all (P§2.1.4), or the first (released code)."""
    spectral: bool = field(default=False, validator=instance_of(bool))
    """Whether the critic's layers have their spectral norm held at 1 (Miyato et al. 2018)."""
    penalty: float = field(default=10.0, validator=and_(ge(0.0), le(1e4)))
    """Of the critic's gradient, in form "wasserstein" (Gulrajani et al. 2017)."""

    def build(self, _runtime: Runtime, shape: Shape) -> Term:
        from affmem_pk.terms import RealDuel

        return RealDuel(self, shape)
