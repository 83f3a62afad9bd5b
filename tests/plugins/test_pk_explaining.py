"""Where E looks."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from affmem.errors import PluginError
from affmem.protocols import Explainable, Runtime
from affmem.values import DIMENSIONS, MAPS
from affmem_pk.checkpoint import save
from affmem_pk.config import BACKBONES, NetworkConfig, PKConfig
from affmem_pk.explaining import explain, laid_out
from affmem_pk.networks import Networks, initialize
from typecheck import unchecked


def networks(encoder):
    found = Networks(NetworkConfig(width=1 / 32, code=6, encoder=encoder))
    initialize([found], "he", torch.Generator().manual_seed(2))
    return found.requires_grad_(requires_grad=False)


@pytest.fixture(scope="module", params=BACKBONES)
def path(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("pk") / "pk.safetensors"
    save(path, networks(request.param), {}, half=False)
    return path


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(0).uniform(-1, 1, (5, 3, 96, 96)).astype(np.float32)


@pytest.mark.parametrize("of", MAPS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_map_says_of_each_pixel_how_much_it_counts(path, faces, of, precision):
    pk = PKConfig(path, precision=precision).build(Runtime())
    assert isinstance(pk, Explainable)
    maps = pk.explain(faces, of)
    assert (maps.shape, maps.dtype) == ((5, 96, 96), np.float32)
    assert maps.min() >= 0
    np.testing.assert_allclose(maps.max((1, 2)), 1, rtol=1e-6)
    assert np.ptp(maps, axis=0).max() > 0.1
    assert pk.explain(faces[:0], of).shape == (0, 96, 96)


@pytest.mark.parametrize("of", MAPS)
def test_maps_are_the_same_again_alone_and_in_small_batches_and_codes_stay(path, faces, of):
    pk, small = PKConfig(path).build(Runtime()), PKConfig(path, batch=2).build(Runtime())
    faces = faces.copy()
    faces.setflags(write=False)
    codes, maps = pk.encode(faces), pk.explain(faces, of)
    np.testing.assert_array_equal(pk.explain(faces, of), maps)
    np.testing.assert_array_equal(pk.encode(faces), codes)
    np.testing.assert_allclose(small.explain(faces, of), maps, atol=1e-3)


@pytest.mark.parametrize("encoder", BACKBONES)
@pytest.mark.parametrize("column", [0, 1])
def test_grad_cam_weighs_each_channel_by_its_mean_gradient(encoder, column, faces):
    """By differences: how much the reading changes where all of a channel rises by a little."""
    found = networks(encoder).double()
    x = torch.from_numpy(faces).double()
    maps = found.encoder.maps(x)
    places = maps[0, 0].numel()

    def read(moved):
        return found.reader.double()(found.encoder.coded(moved))[:, column]

    weights = []
    for channel in range(maps.shape[1]):
        step = torch.zeros_like(maps)
        step[:, channel] = 1e-6
        weights.append((read(maps + step) - read(maps - step)) / 2e-6 / places)
    by_hand = (torch.stack(weights, 1)[:, :, None, None] * maps).sum(1).abs()
    by_hand /= by_hand.amax((1, 2), keepdim=True)
    single = networks(encoder)
    got = explain(single.encoder, single.reader, torch.from_numpy(faces), DIMENSIONS[column])
    wanted = laid_out(by_hand.float(), single.encoder.FIRST, 96)
    np.testing.assert_allclose(got.numpy(), wanted.numpy(), atol=2e-3)


@pytest.mark.parametrize("encoder", BACKBONES)
def test_activation_is_the_mean_over_channels_over_its_greatest(encoder, faces):
    found = networks(encoder)
    x = torch.from_numpy(faces)
    maps = found.encoder.maps(x)
    assert maps.min() >= 0
    got = explain(found.encoder, found.reader, x, "activation").numpy()
    first = found.encoder.FIRST
    wanted = maps.mean(1) / maps.mean(1).amax((1, 2), keepdim=True)
    side = maps.shape[-1]
    centres = got[:, first::16, first::16][:, :side, :side]
    np.testing.assert_allclose(centres, wanted.numpy(), atol=1e-6)
    torch.testing.assert_close(found.encoder.coded(maps), found.encoder(x))


@pytest.mark.parametrize("encoder", BACKBONES)
def test_a_place_of_a_map_is_centred_where_it_is_drawn(encoder):
    """With kernels that are the same everywhere, a bright pixel at a centre is seen alike from
    both sides, and one between two centres is not."""
    eyes = networks(encoder).encoder.double()
    for name, weights in eyes.named_parameters():
        weights.fill_(0.0 if name.endswith("bias") else 1 / weights[0].numel())
    if encoder == "residual":
        eyes.norm.bias.fill_(10.0)  # rectifies nothing

    def around(pixel):
        face = torch.zeros(1, 3, 336, 336, dtype=torch.float64)
        face[..., pixel, pixel] = 1.0
        return eyes.maps(face)[0, 0, 7:14, 7:14]

    seen = around(eyes.FIRST + 160)
    assert seen.max() > seen.min()
    torch.testing.assert_close(seen, seen.flip((0, 1)))
    beside = around(eyes.FIRST + 168)
    assert not torch.allclose(beside, beside.flip((0, 1)))


@given(
    st.integers(1, 7), st.integers(0, 15), st.floats(-1, 1, width=32), st.floats(-1, 1, width=32)
)
def test_a_ramp_is_laid_out_as_a_ramp_between_the_outermost_centres(places, first, down, right):
    line = torch.arange(places)
    wide = laid_out((down * line[:, None] + right * line)[None], first, 96)
    at = ((torch.arange(96) - first) / 16).clamp(0, places - 1)
    torch.testing.assert_close(wide[0], down * at[:, None] + right * at, atol=1e-5, rtol=0)


def test_a_network_that_sees_nothing_has_a_map_of_nothing(faces):
    found = networks("paper")
    found.encoder.convolutions[-1].bias.fill_(-1e6)
    for of in MAPS:
        assert not explain(found.encoder, found.reader, torch.from_numpy(faces), of).any()


def test_without_captum_activation_can_still_be_had(path, faces, monkeypatch):
    pk = PKConfig(path).build(Runtime())
    for name in [one for one in sys.modules if one.split(".")[0] == "captum"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "captum", None)
    pk.explain(faces, "activation")
    with pytest.raises(
        PluginError, match=r"^Grad-CAM needs captum.*: pip install affmem\[explain\]$"
    ):
        pk.explain(faces, "arousal")


def test_another_map_or_shape_is_refused(path):
    pk = PKConfig(path).build(Runtime())
    with unchecked(), pytest.raises(ValueError, match="no map 'valance'; did you mean 'valence'"):
        pk.explain(np.zeros((1, 3, 96, 96), np.float32), "valance")
    with unchecked(), pytest.raises(ValueError, match=r"faces must be \[n, 3, 96, 96\]"):
        pk.explain(np.zeros((1, 96, 96, 3), np.float32), "activation")
