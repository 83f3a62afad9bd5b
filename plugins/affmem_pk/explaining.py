"""Where E looks: maps of what its last convolution says (P§5.1, Figure 2)."""

from typing import TYPE_CHECKING, final

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from affmem.errors import PluginError
from affmem.values import DIMENSIONS, MapOf
from affmem_pk.networks import Reader

if TYPE_CHECKING:
    from affmem_pk.encoders import AnyEncoder


def explain(encoder: "AnyEncoder", reader: Reader, faces: Tensor, of: MapOf) -> Tensor:
    """Maps [n, 96, 96] of faces [n, 3, 96, 96], each over its greatest value.

    "activation" is the mean over channels. "arousal" and "valence" are Grad-CAM (Selvaraju et al.
    2017, eqs. 1 and 2) of what D_em reads; its magnitude, where they rectify it: that is for
    classes, and here a place counts whether it raises what is read or lowers it.

    Raises PluginError where captum (extra "explain") is needed and not installed.
    """
    maps = encoder.maps(faces).detach()
    found = maps.mean(1) if of == "activation" else _grad_cam(encoder, reader, maps, of).abs()
    found = found.float()
    highest = found.amax((1, 2), keepdim=True)
    return laid_out(found / highest.where(highest > 0, 1), encoder.FIRST, faces.shape[-1])


def laid_out(maps: Tensor, first: int, side: int) -> Tensor:
    """Maps [n, m, m] over pictures [n, side, side], linear between the centres of their places."""
    places = torch.arange(maps.shape[-1], device=maps.device)
    at = (torch.arange(side, device=maps.device) - first) / 16
    shares = relu(1 - (at.clamp(places[0], places[-1])[:, None] - places).abs())
    return shares @ maps @ shares.T


def _grad_cam(encoder: "AnyEncoder", reader: Reader, maps: Tensor, of: MapOf) -> Tensor:
    try:
        from captum.attr import LayerGradCam
    except ModuleNotFoundError as error:
        raise PluginError(f"Grad-CAM needs {error.name}: pip install affmem[explain]") from None
    if not len(maps):
        return maps.mean(1)
    reading = Reading(encoder, reader)
    found: Tensor = LayerGradCam(reading, reading.maps).attribute(maps, DIMENSIONS.index(of))
    return found.detach().squeeze(1)


@final
class Reading(nn.Module):
    """From E's last maps to what D_em reads."""

    def __init__(self, encoder: "AnyEncoder", reader: Reader) -> None:
        super().__init__()
        self.maps = nn.Identity()
        """What is looked at."""
        self.encoder = encoder
        self.reader = reader

    def forward(self, maps: Tensor) -> Tensor:
        affects: Tensor = self.reader(self.encoder.coded(self.maps(maps)).float())
        return affects
