"""The shapes and sizes of the networks, and what they depend on."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from affmem_pk.config import BACKBONES, NetworkConfig
from affmem_pk.networks import Generator, Networks, Prior, Real, initialize


def size(module):
    return sum(weights.numel() for weights in module.parameters())


def test_the_full_width_has_the_28_million_parameters_of_the_layers_that_the_paper_lists():
    with torch.device("meta"):
        networks = Networks(NetworkConfig(width=1.0))
    assert size(networks.encoder) + size(networks.generator) == pytest.approx(28.3e6, rel=0.002)
    assert size(networks.reader) < 5_000


def test_the_bundled_width_fits_into_eight_megabytes_of_float16():
    with torch.device("meta"):
        assert 2 * size(Networks(NetworkConfig(width=0.25))) < 8e6


@settings(max_examples=12, deadline=None)
@given(st.floats(1 / 64, 0.2), st.integers(2, 60), st.integers(0, 3))
def test_any_width_maps_faces_to_codes_to_affects_and_back_to_faces(width, code, n):
    config = NetworkConfig(width=width, code=code)
    networks, real, prior = Networks(config), Real(config), Prior(config)
    codes = networks.encoder(torch.zeros(n, 3, 96, 96))
    affects = networks.reader(codes)
    faces = networks.generator(codes, affects)
    assert (codes.shape, affects.shape) == ((n, code), (n, 2))
    assert faces.shape == (n, 3, 96, 96)
    assert real(faces, affects).shape == prior(codes).shape == (n,)


@pytest.mark.parametrize("column", [0, 1])
def test_arousal_and_valence_each_change_what_g_draws_and_what_d_real_thinks(column):
    config = NetworkConfig(width=1 / 16)
    generator, real = Generator(config), Real(config)
    initialize((generator, real), "he", torch.Generator().manual_seed(1))
    low, high = torch.zeros(1, 2), torch.zeros(1, 2)
    high[0, column] = 1.0
    z, face = torch.full((1, 50), 0.3), torch.full((1, 3, 96, 96), 0.1)
    assert (generator(z, low) - generator(z, high)).abs().max() > 1e-3
    assert (real(face, low) - real(face, high)).abs().max() > 1e-5


def test_d_real_sees_the_affect_at_every_convolution():
    config = NetworkConfig(width=1 / 16)
    real = Real(config)
    initialize([real], "he", torch.Generator().manual_seed(1))
    low, high = torch.zeros(1, 2), torch.ones(1, 2)
    face = torch.full((1, 3, 96, 96), 0.1)
    for seeing in real.convolutions:
        weights = [layer.weight.detach().clone() for layer in real.convolutions]
        with torch.no_grad():
            for layer in real.convolutions:
                if layer is not seeing:
                    layer.weight[:, -2:] = 0.0
        assert real(face, low) != real(face, high)
        with torch.no_grad():
            for layer, before in zip(real.convolutions, weights, strict=True):
                layer.weight.copy_(before)


def test_the_paper_draws_its_first_weights_with_deviation_two_hundredths():
    networks = Networks(NetworkConfig(width=0.25))
    initialize([networks], "paper", torch.Generator().manual_seed(0))
    assert networks.generator.start.weight.std().item() == pytest.approx(0.02, rel=0.01)
    assert networks.generator.start.bias.abs().max() == 0


@pytest.mark.parametrize(
    ("encoder", "sizes"),
    [
        ("paper", {1.0: 5_228_210, 0.25: 500_690, 1 / 16: 74_810}),
        ("alexnet", {1.0: 24_931_762, 0.25: 1_605_010, 1 / 16: 112_042}),
        ("residual", {1.0: 7_850_290, 0.25: 497_266, 1 / 16: 32_770}),
    ],
)
def test_each_e_has_the_parameters_of_its_layers_at_any_width(encoder, sizes):
    with torch.device("meta"):
        for width, parameters in sizes.items():
            assert size(Networks(NetworkConfig(width=width, encoder=encoder)).encoder) == parameters


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("encoder", BACKBONES)
def test_a_face_has_the_same_code_alone_and_in_a_batch_and_learning_changes_none(encoder, kind):
    lot = torch.Generator().manual_seed(1)
    network = Networks(NetworkConfig(width=1 / 16, code=9, encoder=encoder))
    initialize([network], "he", lot)
    encode = network.encoder.to(kind)
    faces = (torch.rand((3, 3, 96, 96), generator=lot) * 2 - 1).to(kind)
    codes = encode(faces)
    assert codes.shape == (3, 9)
    assert codes.float().std(0).min() > 1e-4
    alone = torch.cat([encode(face[None]) for face in faces])
    assert torch.allclose(codes.float(), alone.float(), atol=1e-5 if kind is torch.float32 else 0.1)
    assert torch.equal(encode.train()(faces), encode.eval()(faces))
    torch.autograd.backward(codes.float().square().sum())
    assert all(one.grad is not None and one.grad.any() for one in encode.parameters())


def test_an_e_that_no_one_knows_is_refused():
    with pytest.raises(ValueError, match="encoder"):
        NetworkConfig(encoder="vgg")
