"""The latent editor: what it says of an edit's code, of whose edits, and how it learns that."""

import numpy as np
import pytest
import torch
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from affmem.assembly import build
from affmem.catalogue import catalogue
from affmem.errors import InputError, PluginError, UserError
from affmem.experiment import Experiment, structure
from affmem.protocols import LatentEditor, Runtime
from affmem.terms import Examples
from affmem.values import Clip
from affmem_pk import latent
from affmem_pk.checkpoint import fingerprint, load, save
from affmem_pk.config import BUNDLED_LATENT, LatentTrainerConfig, NetworkConfig, PKConfig
from affmem_pk.latent import NAMES, LatentNetwork
from affmem_pk.networks import Networks, initialize
from affmem_pk.training import agreement

WIDTH, HIDDEN = 4, 6


def some_network(seed=0):
    rng = np.random.default_rng(seed)

    def drawn(*shape):
        return (0.3 * rng.standard_normal(shape)).astype(np.float32)

    return LatentNetwork(
        mean=drawn(WIDTH), deviation=0.1 + drawn(WIDTH) ** 2, code=drawn(HIDDEN, WIDTH),
        affect=drawn(HIDDEN, 2), bias=drawn(HIDDEN), hidden=drawn(HIDDEN, HIDDEN),
        hidden_bias=drawn(HIDDEN), shift=drawn(WIDTH, HIDDEN), shift_bias=drawn(WIDTH),
    )  # fmt: skip


def pk(folder, name="pk", seed=0, half=False):
    """A small prior knowledge of its own, drawn by lot."""
    networks = Networks(NetworkConfig(width=1 / 64, code=WIDTH, hidden=2))
    initialize((networks,), "he", torch.Generator().manual_seed(seed))
    save(folder / f"{name}.safetensors", networks, {}, half=half)
    return folder / f"{name}.safetensors"


def of(path):
    return fingerprint(load(path).networks)


@pytest.fixture
def taught(tmp_path):
    """A prior knowledge, and a latent editor that is of it."""
    config = PKConfig(pk(tmp_path), latent=tmp_path / "latent.safetensors")
    latent.save(config.latent, some_network(), of(config.checkpoint), {}, half=False)
    return config


# --- what it says -----------------------------------------------------------------------------


@given(st.integers(0, 99), st.lists(st.tuples(*[st.floats(-1, 1, width=32)] * 2), max_size=5))
def test_it_is_what_its_equations_say(seed, asked):
    one, affects = some_network(seed), np.array(asked, np.float32).reshape(-1, 2)
    z = np.random.default_rng(seed).uniform(-1, 1, WIDTH).astype(np.float32)
    said = one.edit(z[None], affects)
    assert said.shape == (len(asked), WIDTH)
    for row, y in zip(said, affects, strict=True):
        x = (z - one.mean) / one.deviation
        h = np.maximum(one.code @ x + one.affect @ y + one.bias, 0)
        k = np.maximum(one.hidden @ h + one.hidden_bias, 0)
        edit = z + one.deviation * (one.shift @ k + one.shift_bias)
        assert row == pytest.approx(edit.clip(-1, 1), abs=1e-5)


def test_the_one_that_ships_says_what_the_edits_that_ship_are():
    part = PKConfig().build(Runtime())
    part.check_encoder(part)
    drawn = catalogue().config("dataset", "drawn")(persons=3, faces_per_person=1)
    dataset = drawn.build(Runtime(seed=77))
    rng, said, true = np.random.default_rng(0), [], []
    for clip in dataset.clips():
        image = next(iter(dataset.frames(clip))).image
        face = (image.transpose(2, 0, 1) / 127.5 - 1).astype(np.float32)
        asked = rng.uniform(-1, 1, (12, 2)).astype(np.float32)
        said.append(part.edit_codes(part.encode(face[None]), asked))
        true.append(part.encode(part.edit(face, asked)))
    said, true = np.concatenate(said), np.concatenate(true)
    assert np.square(said - true).mean() < 0.1 * true.var(axis=0).mean()
    for column in (0, 1):
        assert agreement(part.read(true)[:, column], part.read(said)[:, column]) > 0.98


def test_it_is_small():
    assert BUNDLED_LATENT.stat().st_size < 700_000


# --- of whom ----------------------------------------------------------------------------------


def test_a_fingerprint_tells_encoders_and_generators_apart_and_nothing_else(tmp_path):
    first = pk(tmp_path)
    assert of(first) == of(pk(tmp_path, "half", half=True))
    assert of(first) != of(pk(tmp_path, "other", seed=1))
    networks = load(first).networks
    networks.reader.affect.bias += 1
    assert fingerprint(networks) == of(first)
    networks.generator.paint.bias += 1
    assert fingerprint(networks) != of(first)


def test_of_another_checkpoint_it_says_nothing(taught, tmp_path):
    part = evolve(taught, checkpoint=pk(tmp_path, "other", seed=1)).build(Runtime())
    asked, code = np.zeros((1, 2), np.float32), np.zeros((1, WIDTH), np.float32)
    for call in (lambda: part.edit_codes(code, asked), lambda: part.check_encoder(part)):
        with pytest.raises(InputError, match=r"latent\.safetensors: says the codes of another"):
            call()


def test_of_another_encoder_it_says_nothing(taught, tmp_path):
    part = taught.build(Runtime())
    part.check_encoder(part)
    assert isinstance(part, LatentEditor)
    with pytest.raises(InputError, match="of another encoder than the experiment's"):
        part.check_encoder(PKConfig(pk(tmp_path, "other", seed=1)).build(Runtime()))


def test_an_experiment_by_codes_is_refused_in_a_line_where_they_are_not_its_encoders(taught):
    def stations(**tables):
        part = {"use": "pk", "checkpoint": str(taught.checkpoint), "latent": str(taught.latent)}
        tables = {"dataset": {"use": "drawn"}, "start": {"by": "codes"}, "encoder": part, **tables}
        return build(structure(tables, Experiment), Runtime())

    stations()
    for other in ({"editor": {"use": "pk"}}, {"encoder": {"use": "pk", "latent": str(taught.latent)}}):  # fmt: skip  # noqa: E501
        with pytest.raises(InputError) as raised:
            stations(**other)
        assert "\n" not in str(raised.value)
    stations(editor={"use": "pk"}, start={"by": "pixels"})


@pytest.mark.parametrize("fault", ["absent", "text", "other", "lacks", "more", "narrow", "nan"])
def test_a_file_that_is_none_is_refused_in_a_line(taught, fault):
    path, tensors = taught.latent, load_file(taught.latent)
    told = {"format": latent.FORMAT, "of": of(taught.checkpoint)}
    match fault:
        case "absent":
            path.unlink()
        case "text":
            path.write_text("hello")
        case "other":
            told["format"] = "affmem-pk 1"
        case "lacks":
            del tensors["shift"]
        case "more":
            tensors["more"] = tensors["shift"]
        case "narrow":
            tensors["affect"] = tensors["affect"][:, :1].copy()
        case "nan":
            tensors["bias"][:] = np.nan
    if fault not in ("absent", "text"):
        save_file(tensors, path, told)
    with pytest.raises(InputError) as raised:
        latent.load(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


def test_an_editor_that_knows_no_codes_is_told_in_a_line():
    from affmem.start import latent as short

    class Plain:
        def edit(self, face, affects):
            return face[None].repeat(len(affects), axis=0)

    with pytest.raises(PluginError, match='expected "pixels"'):
        short(Plain())


# --- teaching it ------------------------------------------------------------------------------


def greys(persons=8, frames=6):
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (persons * frames, 1, 1, 3), np.uint8)
    clips = [Clip(f"{person}/0", str(person)) for person in range(persons) for _ in range(frames)]
    affects = np.zeros((len(faces), 2), np.float32)
    return Examples(np.broadcast_to(faces, (len(faces), 96, 96, 3)), affects, clips)


def train(out, checkpoint, examples, **settings):
    usual = {"edits": 10, "steps": 300, "report": 150, "hidden": 32, "batch": 64}
    config = LatentTrainerConfig(checkpoint, **{**usual, "validation": 0.25, **settings})
    out.mkdir(exist_ok=True)
    return list(config.build(Runtime(seed=1)).train(examples, {}, out))


def test_it_learns_the_codes_of_edits_of_persons_it_never_saw(tmp_path):
    checkpoint = pk(tmp_path)
    figures = train(tmp_path / "out", checkpoint, greys())
    assert figures[-1]["step"] == figures[-1]["of"] == 300
    assert figures[-1]["code_error"] < 0.8  # 1: no better than the mean of all
    files = {"best.safetensors", "last.safetensors"}
    assert {one.name for one in (tmp_path / "out").iterdir()} == files
    network, whose = latent.load(tmp_path / "out" / "best.safetensors")
    assert whose == of(checkpoint)
    part = PKConfig(checkpoint, latent=tmp_path / "out" / "best.safetensors").build(Runtime())
    asked, code = np.zeros((2, 2), np.float32), np.zeros((1, WIDTH), np.float32)
    assert np.array_equal(part.edit_codes(code, asked), network.edit(code, asked))


def test_cut_off_it_goes_on_with_its_edits_and_learns_the_same(tmp_path):
    checkpoint, examples = pk(tmp_path), greys(persons=3, frames=2)
    train(tmp_path / "whole", checkpoint, examples)
    cut = tmp_path / "cut"
    cut.mkdir()
    config = LatentTrainerConfig(
        checkpoint, edits=10, steps=300, report=150, hidden=32, batch=64, validation=0.25
    )
    next(iter(config.build(Runtime(seed=1)).train(examples, {}, cut)))
    assert {one.name for one in cut.glob("*.npy")} == {"codes.npy", "edits-0.npy"}
    train(cut, checkpoint, examples)
    one, other = (latent.load(tmp_path / of / "last.safetensors")[0] for of in ("whole", "cut"))
    assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in NAMES)


def test_one_person_alone_teaches_nothing(tmp_path):
    with pytest.raises(UserError, match="at least 2 persons"):
        train(tmp_path / "out", pk(tmp_path), greys(persons=1))
