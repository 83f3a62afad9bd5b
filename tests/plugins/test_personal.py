"""Memory "personal" and the network it reads by: what it learns of a person, and from what."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from affmem.catalogue import catalogue
from affmem.cli import main
from affmem.conformance import CHECKS, Subject
from affmem.errors import InputError, UserError
from affmem.experiment import structure
from affmem.protocols import Runtime
from affmem.terms import Examples
from affmem.values import Clip
from affmem_pk.acquaintance import Acquaintance, effective
from affmem_pk.checkpoint import load as load_networks
from affmem_pk.checkpoint import save
from affmem_pk.config import BUNDLED, NetworkConfig, PersonalConfig, PersonalTrainerConfig
from affmem_pk.networks import Networks
from affmem_pk.personal import Personal
from affmem_pk.personal_training import MET, _lives, _met, _Network, _spread
from affmem_pk.persons import PersonsNetwork, load

WIDTH, HIDDEN, FEATURES = 4, 6, 3
NONE = np.empty(0)


def some_network(seed=0):
    rng = np.random.default_rng(seed)

    def drawn(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    return PersonsNetwork(
        mean=drawn(WIDTH), deviation=1 + drawn(WIDTH) ** 2, within=0.5 + drawn(WIDTH) ** 2,
        feature=drawn(FEATURES, WIDTH), feature_bias=drawn(FEATURES), code=drawn(HIDDEN, WIDTH),
        person=drawn(HIDDEN, 2 * WIDTH + FEATURES + 1), bias=drawn(HIDDEN),
        affect=0.2 * drawn(2, HIDDEN), affect_bias=drawn(2), doubt=0.2 * drawn(2, HIDDEN),
        doubt_bias=drawn(2), half=5.0,
    )  # fmt: skip


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("persons") / "persons.safetensors"
    networks = Networks(NetworkConfig(width=1 / 64, code=WIDTH, hidden=2))
    save(path, networks, {}, some_network(), half=False)
    return path


def made(checkpoint):
    return PersonalConfig(checkpoint).build(Runtime())


def codes(count, seed=1):
    return np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


# --- the memory -------------------------------------------------------------------------------


@pytest.mark.parametrize("check", CHECKS["memory"])
def test_it_keeps_what_every_memory_must(checkpoint, check):
    check(Subject("memory", "personal", PersonalConfig(checkpoint), width=WIDTH))


def test_it_knows_everyone_before_it_knows_anyone(checkpoint):
    memory, other = made(checkpoint), made(checkpoint)
    assert len(memory) == 0
    first = memory.predict(codes(3))
    assert np.isfinite(first.affects).all()
    assert (first.units == -1).all()
    assert (first.activations == 0).all()
    assert np.array_equal(first.affects, other.predict(codes(3)).affects)


def test_what_it_says_of_a_code_depends_on_whom_it_has_seen(checkpoint):
    memory = made(checkpoint)
    before = memory.predict(codes(5)).affects
    memory.partial_fit(codes(40, seed=2) + 1.0)
    assert len(memory) == 1
    assert not np.allclose(memory.predict(codes(5)).affects, before)


def test_edits_teach_it_nothing(checkpoint):
    memory = made(checkpoint)
    memory.partial_fit(codes(9), np.zeros((9, 2), np.float32))
    assert same(memory.state(), made(checkpoint).state())


def test_labels_cannot_leak_into_what_it_learns(checkpoint):
    memory, other = made(checkpoint), made(checkpoint)
    for one, sign in ((memory, 1), (other, -1)):
        affects = np.full((9, 2), np.nan, np.float32)
        affects[::2] = 0.5 * sign
        one.partial_fit(codes(9), affects)
    assert same(memory.state(), other.state())


@given(st.lists(st.integers(0, 9), max_size=6))
def test_in_one_batch_or_in_many_it_learns_the_same(checkpoint, cuts):
    whole, parts = made(checkpoint), made(checkpoint)
    whole.partial_fit(codes(10))
    for part in np.split(codes(10), sorted(cuts)):
        parts.partial_fit(part)
    assert same(whole.state(), parts.state())


@pytest.mark.parametrize("fault", ["lacks", "more", "narrow", "nan", "whole numbers", "negative"])
def test_what_is_no_state_is_refused_and_leaves_it_as_it_was(checkpoint, fault):
    memory = made(checkpoint)
    memory.partial_fit(codes(4))
    before, state = memory.state(), memory.state()
    match fault:
        case "lacks":
            del state["total"]
        case "more":
            state["other"] = np.zeros(3)
        case "narrow":
            state["total"] = state["total"][1:]
        case "nan":
            state["squares"] = np.full(WIDTH, np.nan)
        case "whole numbers":
            state["total"] = np.zeros(WIDTH, np.int64)
        case "negative":
            state["changes"] = np.array([-1.0])
    with pytest.raises(ValueError, match="no state"):
        memory.restore(state)
    assert same(memory.state(), before)


# --- how well a person is known ---------------------------------------------------------------


def test_independent_codes_count_each_and_copies_hardly():
    rng = np.random.default_rng(0)
    moving, still = Acquaintance.none(50, 0), Acquaintance.none(50, 0)
    for _ in range(200):
        moving.see(rng.standard_normal(50), NONE, np.ones(50))
        still.see(np.ones(50), NONE, np.ones(50))
    assert moving.looks == pytest.approx(200, rel=0.05)
    assert still.looks == pytest.approx(1 + 199 * 0.01 / 1.99)


@pytest.mark.parametrize("alike", [0.3, 0.6, 0.9])
def test_frames_of_a_first_order_process_count_as_theory_says(alike):
    rng = np.random.default_rng(0)
    known, code = Acquaintance.none(100, 0), rng.standard_normal(100)
    for _ in range(500):
        known.see(code, NONE, np.ones(100))
        code = alike * code + np.sqrt(1 - alike**2) * rng.standard_normal(100)
    # The variance of its mean is (1 + r) / (1 - r) / n.
    assert known.looks == pytest.approx(500 * (1 - alike) / (1 + alike), rel=0.1)


def test_twice_the_frame_rate_is_about_as_many_looks_whatever_the_noise():
    rng = np.random.default_rng(1)
    slow, fast = Acquaintance.none(100, 0), Acquaintance.none(100, 0)
    code = rng.standard_normal(100)
    for frame in range(1000):
        seen = 0.9 * code + np.sqrt(1 - 0.9**2) * rng.standard_normal(100)
        fast.see(seen, NONE, np.ones(100))
        if frame % 4 == 0:
            slow.see(seen, NONE, np.ones(100))
        code = 0.95 * code + np.sqrt(1 - 0.95**2) * rng.standard_normal(100)
    assert fast.looks == pytest.approx(slow.looks, rel=0.25)
    assert fast.looks == pytest.approx(1000 * 0.05 / 1.95, rel=0.25)


def test_a_cut_between_clips_is_no_change_of_the_face(checkpoint):
    through, apart = made(checkpoint), made(checkpoint)
    for memory, cut in ((through, False), (apart, True)):
        memory.partial_fit(codes(3))
        if cut:
            memory.begin()
        memory.partial_fit(codes(3, seed=8))
    assert through.state()["pairs"].tolist() == [5, 4]
    assert apart.state()["pairs"].tolist() == [4, 2]


@given(st.integers(0, 100), st.floats(0, 3), st.floats(0, 3))
def test_looks_are_never_more_than_frames(count, one, two):
    pairs = np.maximum(0, count - np.array([[1], [2]])).astype(np.float64)
    changes = pairs * np.array([[one], [two]])
    found = effective(np.array([count], np.float64), changes, pairs)[0]
    assert min(1, count) <= found <= count


def test_the_sums_over_stretches_are_what_a_memory_sees(checkpoint):
    """The trainer's cumulative sums, against the memory that learns a frame at a time."""
    network = some_network()
    seen = codes(30)
    persons = np.repeat([0, 1], [12, 18])
    clips = [Clip(f"{who}/{i // 5}", str(who)) for i, who in enumerate(persons)]
    lives = _lives(seen, np.zeros((30, 2), np.float32), clips, np.array([0, 12, 30]), network)
    said = _met(network, lives, slice(0, None))
    for who in (0, 1):
        memory, before = made(checkpoint), None
        for row in np.flatnonzero(persons == who):
            if clips[row] != before:
                memory.begin()
            before = clips[row]
            read = memory.predict(seen[row : row + 1]).affects[0]
            assert np.allclose(said[row], read, atol=1e-5), row
            memory.partial_fit(seen[row : row + 1])


def test_while_it_learns_it_is_told_what_a_memory_will_tell_it():
    """The context in the trainer's loop, against that of the network in use."""
    config = PersonalTrainerConfig(features=FEATURES, hidden=HIDDEN)
    learning = _Network(WIDTH, config, torch.Generator().manual_seed(0))
    seen = codes(MET)
    begins = np.array([0, MET])
    learning.measure(seen, begins)
    clips = [Clip("only", "one")] * MET
    lived = _lives(seen, np.zeros((MET, 2), np.float32), clips, begins, learning.frozen())
    first, last = np.array([0]), np.array([MET])
    known = lived.contexts(first, last, np.empty((1, 0))).astype(np.float32)
    met = torch.from_numpy(lived.codes[None].astype(np.float32))
    told = learning.context(torch.from_numpy(known), met).detach().numpy()
    means = np.mean([learning.frozen().features(z) for z in lived.codes], axis=0, keepdims=True)
    assert np.allclose(told, lived.contexts(first, last, means), atol=1e-5)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 80)), min_size=1, max_size=9))
def test_what_features_are_learnt_from_lies_in_the_stretch_and_all_over_it(stretches):
    first, length = np.array(stretches, np.int64).T
    places = _spread(np.random.default_rng(0), first, length, 100)
    assert places.shape == (len(stretches), MET)
    assert ((places >= 0) & (places < 100)).all()
    for row, start, size in zip(places, first, length, strict=True):
        if size:
            assert ((start <= row) & (row < start + size)).all()
            assert len(np.unique(row)) >= min(size, MET) / 2
            assert abs(row.mean() - (start + (size - 1) / 2)) <= size / MET + 1


# --- the network in its file ------------------------------------------------------------------


def test_it_lies_beside_the_prior_knowledge_which_stays_as_it_was(tmp_path, checkpoint):
    networks = load_networks(checkpoint).networks.state_dict()
    plain = tmp_path / "plain.safetensors"
    save(plain, load_networks(checkpoint).networks, {}, half=False)
    again = load_networks(plain).networks.state_dict()
    assert all(np.array_equal(networks[name], again[name]) for name in networks)
    network = load(checkpoint)
    assert all(
        np.array_equal(one, network.tensors()[name])
        for name, one in some_network().tensors().items()
    )
    with pytest.raises(InputError, match=r"affmem train examples/persons\.toml"):
        load(plain)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, m: t.pop("persons.bias"), "lacks the weights 'persons.bias'"),
        (lambda t, m: t.update({"persons.more": np.zeros(1, np.float32)}), "no network has"),
        (lambda t, m: t.update({"persons.code": np.zeros((2, 2), np.float32)}), "instead of"),
        (lambda t, m: t["persons.affect"].fill(np.nan), "not all finite"),
        (lambda t, m: t["persons.deviation"].fill(0), "not above 0"),
        (lambda t, m: m.pop("persons"), "by how many looks"),
        (lambda t, m: m.update(persons="NaN"), "by how many looks"),
    ],
)
def test_a_damaged_network_is_refused_in_one_line(tmp_path, checkpoint, change, words):
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(checkpoint, "np") as file:
        metadata = dict(file.metadata())
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(tensors, metadata)
    path = tmp_path / "broken.safetensors"
    save_file(tensors, path, metadata)
    with pytest.raises(InputError, match=words) as raised:
        made(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_no_file_and_no_safetensors_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        made(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(InputError, match="no safetensors file"):
        made(tmp_path / "text.safetensors")


def test_it_follows_the_checkpoint_of_the_encoder(checkpoint):
    tables = {
        "dataset": {"use": "drawn"},
        "encoder": {"use": "pk", "checkpoint": str(checkpoint)},
        "memory": {"use": "personal"},
    }
    assert structure(tables, _experiment()).memory.config.checkpoint == checkpoint
    tables["memory"]["checkpoint"] = str(BUNDLED)
    assert structure(tables, _experiment()).memory.config.checkpoint == BUNDLED


def _experiment():
    from affmem.experiment import Experiment

    return Experiment


# --- teaching it ------------------------------------------------------------------------------


def lives(persons=24, frames=30, seed=0):
    """Faces whose brightness is arousal plus an offset that is the person's own."""
    rng = np.random.default_rng(seed)
    faces, affects, clips = [], [], []
    for person in range(persons):
        offset = rng.uniform(-0.4, 0.4)
        arousal = rng.uniform(-0.5, 0.5, frames)
        grey = (128 + 100 * (arousal + offset)).clip(0, 255).astype(np.uint8)
        faces.append(np.broadcast_to(grey[:, None, None, None], (frames, 96, 96, 3)))
        affects.append(np.column_stack([arousal, np.zeros(frames)]))
        clips += [Clip(f"{person}/0", str(person))] * frames
    return Examples(np.concatenate(faces), np.concatenate(affects).astype(np.float32), clips)


def train(out, examples, **settings):
    config = PersonalTrainerConfig(**{"steps": 150, "report": 75, "hidden": 32, **settings})
    out.mkdir(exist_ok=True)
    return list(config.build(Runtime(seed=1)).train(examples, {}, out))


def test_it_learns_that_persons_differ_and_makes_good_for_it(tmp_path):
    figures = train(tmp_path / "out", lives(), validation=0.25, decay=0.01, steps=400, report=400)
    last = figures[-1]
    assert last["step"] == last["of"] == 400
    assert last["ccc_arousal"] > last["ccc_alone_arousal"] + 0.05
    assert {one.name for one in (tmp_path / "out").iterdir()} == {
        "best.safetensors",
        "last.safetensors",
    }
    facts = load_networks(tmp_path / "out" / "last.safetensors").facts
    assert facts["persons"]["persons"] == 18
    assert json.dumps(facts)
    assert isinstance(made(tmp_path / "out" / "last.safetensors"), Personal)


def test_cut_off_it_begins_again_with_its_codes_and_learns_the_same(tmp_path):
    examples = lives(persons=6, frames=8)
    train(tmp_path / "whole", examples)
    config = PersonalTrainerConfig(steps=150, report=75, hidden=32)
    cut = tmp_path / "cut"
    cut.mkdir()
    next(iter(config.build(Runtime(seed=1)).train(examples, {}, cut)))
    assert (cut / "codes.npy").exists()
    train(cut, examples)
    assert not (cut / "codes.npy").exists()
    one, other = (load(tmp_path / name / "last.safetensors") for name in ("whole", "cut"))
    assert all(np.array_equal(a, b) for a, b in zip(one.tensors().values(), other.tensors().values(), strict=True))  # fmt: skip  # noqa: E501


def test_one_person_alone_teaches_no_difference(tmp_path):
    with pytest.raises(UserError, match="at least 2 persons"):
        train(tmp_path, lives(persons=1, frames=4))


def test_a_network_of_another_encoder_is_the_users_mistake_told_in_a_line(tmp_path, checkpoint):
    (tmp_path / "mine.toml").write_text(
        '[dataset]\nuse = "drawn"\npersons = 1\nfaces_per_person = 2\n[faces]\nuse = "none"\n'
        f'[memory]\nuse = "personal"\ncheckpoint = "{checkpoint}"\n'
    )
    words = ["run", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "out"), "--quiet"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].endswith(
        "memory: codes must be 4 wide: the encoder's are 50"
    )


def test_the_catalogue_has_both():
    assert catalogue().config("memory", "personal") is PersonalConfig
    assert catalogue().config("trainer", "personal") is PersonalTrainerConfig
