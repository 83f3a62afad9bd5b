"""The identity networks against dlib itself and by hand, and whom the loss teaches."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from affmem import Runtime, pictures
from affmem.catalogue import catalogue
from affmem.errors import InputError, PluginError, UserError
from affmem.lot import Lot
from affmem.protocols import Encoder
from affmem.terms import Examples, Pass, Shape, Term
from affmem.values import Clip
from affmem_identity import dlib, vgg
from affmem_identity.config import IdentityTermConfig, bundled
from affmem_pk.config import NetworkConfig
from affmem_pk.networks import Networks, initialize

PHOTOGRAPHS = Path(__file__).parents[3] / "shared" / "faces"
KNOWN = [-0.0762, 0.13011, 0.03134, -0.07447, -0.06255, -0.05795]
"""What dlib 20.0.1 itself says first of the chip in the test."""


def packed(*numbers):
    """Whole numbers as dlib packs them."""
    out = b""
    for number in numbers:
        body = number.to_bytes((number.bit_length() + 7) // 8 or 1, "little")
        out += bytes([len(body)]) + body
    return out


def tensor(values):
    return (
        packed(2, values.shape[0], *values.shape[1:], *[1] * (4 - values.ndim)) + values.tobytes()
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file as dlib writes it, of weights by lot."""
    rng = np.random.default_rng(0)
    data = b"\x01\x01\x01\rloss_metric_2"
    for layer in dlib.ResNet().modules():
        if isinstance(layer, dlib.Convolution):
            count = layer.weight.numel() + layer.bias.numel()
            spread = (2 / layer.weight[0].numel()) ** 0.5
            data += b"\x01\x05con_4" + tensor(rng.normal(0, spread, count).astype("<f4"))
            affine = np.stack([np.full(len(layer.bias), 0.7), np.full(len(layer.bias), 0.1)])
            data += b"\x01\x07affine_" + tensor(affine.astype("<f4"))
    data += b"\x01\x04fc_2" + packed(128, 256) + tensor(rng.normal(size=(256, 128)).astype("<f4"))
    path = tmp_path_factory.mktemp("dlib") / "made.dat"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory):
    """VGG-Face's first five convolutions, the first of which hands on red plus ten."""
    lot = torch.Generator().manual_seed(0)
    tensors = {}
    widths = dict(zip(("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"),
                      pairwise((3, 64, 64, 128, 128, 256)), strict=True))  # fmt: skip
    for name, (inputs, outputs) in widths.items():
        tensors[f"{name}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=lot) * 0.05
        tensors[f"{name}.bias"] = torch.zeros(outputs)
    red = torch.zeros(64, 3, 3, 3)
    red[:, 0, 1, 1] = 1.0
    tensors["conv1_1.weight"], tensors["conv1_1.bias"] = red, torch.full((64,), 10.0)
    path = tmp_path_factory.mktemp("vgg") / "vgg.safetensors"
    save_file(tensors, path)
    return path


def term(**settings):
    made = IdentityTermConfig(**settings).build(Runtime(), Shape(code=4, width=1 / 16))
    assert isinstance(made, Term)
    return made


def a_pass(faces, rebuilt):
    nothing = torch.zeros(len(faces), 2)
    return Pass(
        faces=faces, affects=nothing, codes=torch.zeros(len(faces), 4), read=nothing,
        rebuilt=rebuilt, asked=nothing[: len(rebuilt)], edited=torch.zeros_like(rebuilt),
        judge=lambda faces: torch.zeros(len(faces), 2), lot=Lot(torch.Generator()),
    )  # fmt: skip


def test_the_loss_is_the_mean_absolute_difference_of_the_maps(vgg_file):
    # Red is 127.5 in the one and 159.375 in the other; less its mean, plus ten, both above zero.
    cost = term(network="vgg-face", weights=vgg_file, stages=("conv1_1",)).cost(
        a_pass(torch.zeros(2, 3, 96, 96), torch.full((1, 3, 96, 96), 0.25))
    )
    assert cost.item() == pytest.approx(31.875, rel=1e-5)


def test_stages_add_up_and_a_perfect_picture_costs_nothing(vgg_file):
    faces = torch.rand(1, 3, 96, 96) * 2 - 1
    batch = a_pass(faces, faces * 0.5)
    first, second, both = (
        term(network="vgg-face", weights=vgg_file, stages=stages).cost(batch).item()
        for stages in (("conv1_1",), ("conv3_1",), ("conv3_1", "conv1_1"))
    )
    assert both == pytest.approx(first + second, rel=1e-5)
    assert term(network="vgg-face", weights=vgg_file).cost(a_pass(faces, faces)).item() == 0.0


@pytest.mark.parametrize("network", ["dlib", "vgg-face"])
def test_it_teaches_encoder_and_decoder_and_never_the_network(network, made, vgg_file):
    weights = made if network == "dlib" else vgg_file
    loss = term(network=network, weights=weights)
    before = [one.clone() for one in loss._network.parameters()]
    networks = Networks(NetworkConfig(width=1 / 16))
    initialize((networks,), "he", torch.Generator().manual_seed(0))
    faces = torch.rand(2, 3, 96, 96, requires_grad=True)
    rebuilt = networks.generator(networks.encoder(faces.detach()), torch.zeros(2, 2))
    optimiser = torch.optim.Adam([*networks.parameters(), *loss._network.parameters()])
    loss.cost(a_pass(faces, rebuilt)).backward()
    optimiser.step()
    for taught in (networks.encoder, networks.generator):
        assert all(one.grad.abs().sum() > 0 for one in taught.parameters() if one.ndim > 1)
    assert all(one.grad is None for one in networks.reader.parameters())
    assert faces.grad is None
    assert all(map(torch.equal, before, loss._network.parameters()))


def test_prior_knowledge_trains_with_it(made, tmp_path):
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (8, 96, 96, 3), dtype=np.uint8)
    trainer = catalogue().config("trainer", "pk")(
        width=1 / 16, steps=1, report=1, batch=4, samples=0
    )
    terms = {"identity": IdentityTermConfig(weights=made, stages=("stem",))}
    affects = rng.uniform(-1, 1, (8, 2)).astype(np.float32)
    examples = Examples(faces, affects, [Clip("made", "somebody")] * 8)
    *_, last = trainer.build(Runtime()).train(examples, terms, tmp_path)
    assert last["identity"] > 0


def test_codes_are_the_same_alone_and_among_others(made):
    encoder = catalogue().config("encoder", "identity")(weights=made, batch=2).build(Runtime())
    assert isinstance(encoder, Encoder)
    faces = np.random.default_rng(0).uniform(-1, 1, (3, 3, 96, 96)).astype(np.float32)
    codes = encoder.encode(faces)
    assert codes.shape == (3, 128)
    np.testing.assert_allclose(codes[2:], encoder.encode(faces[2:]), rtol=1e-3, atol=1e-4)
    assert encoder.encode(faces[:0]).shape == (0, 128)


@pytest.mark.parametrize("cut", [0, 1000, 3_000_000, -4000])
def test_a_file_that_is_not_whole_is_said(made, tmp_path, cut):
    path = tmp_path / "cut.dat"
    path.write_bytes(made.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"cut\.dat: is no face recognition network of dlib's"):
        dlib.load(path)


def test_files_that_are_absent_or_others_are_said_in_a_line(tmp_path, vgg_file):
    with pytest.raises(InputError, match="no-such"):
        dlib.load(tmp_path / "no-such.dat")
    with pytest.raises(InputError, match=r"there is no such file; expected VGG-Face's weights"):
        vgg.load(tmp_path / "no-such.safetensors", ("conv1_1",))
    with pytest.raises(InputError, match=r"lacks the weights 'conv3_2\.weight'"):
        vgg.load(vgg_file, ("conv3_3",))
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(InputError, match="is no safetensors file"):
        vgg.load(tmp_path / "text.safetensors", ("conv1_1",))
    save_file({"conv1_1.weight": torch.zeros(64, 3, 5, 5)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"'conv1_1\.weight' are \[64, 3, 5, 5\]; expected"):
        vgg.load(tmp_path / "other.safetensors", ("conv1_1",))


def test_settings_that_make_no_sense_are_said():
    with pytest.raises(ValueError, match="no stage 'conv1_1'"):
        IdentityTermConfig(stages=("conv1_1",))
    with pytest.raises(ValueError, match="did you mean 'level32'"):
        IdentityTermConfig(stages=("levl32",))
    with pytest.raises(ValueError, match="needs weights"):
        IdentityTermConfig(network="vgg-face")


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("affmem_identity.config.PACKAGE", "no_such_package")
    for kind in ("encoder", "term"):
        config = catalogue().config(kind, "identity")()
        with pytest.raises(PluginError, match=r"pip install affmem\[identity\]"):
            config.build(*((Runtime(),) if kind == "encoder" else (Runtime(), Shape(code=4))))


@pytest.fixture(scope="module")
def real():
    try:
        return dlib.load(bundled())
    except UserError as error:
        pytest.skip(str(error))


def test_it_says_of_a_picture_what_dlib_says(real):
    y, x = np.mgrid[:150, :150]
    chip = np.stack([y, x, (y + x) // 2]).astype(np.float32)
    code = real.code(real.stages(torch.from_numpy(chip[None])))
    np.testing.assert_allclose(code[0, : len(KNOWN)], KNOWN, atol=2e-5)


def test_photographs_of_one_person_lie_nearer_than_those_of_two(real):
    if not PHOTOGRAPHS.is_dir():
        pytest.skip("needs ../shared/faces")
    finder = catalogue().config("faces", "mtcnn")().build(Runtime())
    paths = sorted(PHOTOGRAPHS.glob("*.jpg"))[:16]
    faces = np.stack([*finder.find(pictures.read(path) for path in paths)])
    codes = catalogue().config("encoder", "identity")().build(Runtime()).encode(faces)
    apart = np.linalg.norm(codes[::2, None] - codes[None, 1::2], axis=-1)
    same = np.diag(apart)
    assert same.max() < 0.6
    assert same.max() < apart[~np.eye(len(apart), dtype=bool)].min()
