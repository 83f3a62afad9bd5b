"""Training: it learns, it repeats itself, and it leaves nothing half done."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from affmem.catalogue import catalogue
from affmem.emotions import nearest
from affmem.errors import InputError, UserError
from affmem.gallery import SHOWN
from affmem.lot import Lot
from affmem.pictures import read
from affmem.protocols import Runtime
from affmem.terms import Examples, Trainer
from affmem.values import Affect, Clip
from affmem_pk import persons
from affmem_pk.augment import afar, moved, relit, spoilt
from affmem_pk.checkpoint import fingerprint, load, save
from affmem_pk.config import BACKBONES, BUNDLED, NetworkConfig, TrainerConfig
from affmem_pk.networks import Networks
from affmem_pk.terms import Emotion
from affmem_pk.training import BEST, LAST, STATE, agreement, pace
from typecheck import unchecked

TINY = {"width": 1 / 16, "batch": 8, "report": 2, "warmup": 0}
NOW = {name: {"begin": 0.0} for name in ("real", "edit")}
ALL = ("reconstruction", "emotion", "prior", "real", "edit")


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small gain nothing from more, and lose much on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def stub(count, seed=0):
    """Discs of any colour whose height is their arousal and whose bar's height is their valence."""
    rng = np.random.default_rng(seed)
    affects = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
    y, x = np.mgrid[0:96, 0:96]
    faces = np.empty((count, 96, 96, 3), np.uint8)
    for face, (arousal, valence) in zip(faces, affects, strict=True):
        face[:] = rng.integers(90, 130, 3)
        face[(np.abs(x - 30) < 12) & (np.abs(y - 48) < 14 + 12 * arousal)] = 250
        face[(np.abs(x - 66) < 12) & (np.abs(y - 48) < 14 + 12 * valence)] = 5
    return faces, affects


def written(path, seed=0):
    """A checkpoint of networks as small as those of `TINY`, with weights by lot."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save(path, Networks(NetworkConfig(width=TINY["width"])), {}, half=True)
    return path


def weights_of(path):
    return load(path / LAST).networks.state_dict()


def examples(faces, affects):
    words = [nearest(Affect(*row)) if np.isfinite(row).all() else "" for row in affects.clip(-1, 1)]
    return Examples(faces, affects, [Clip("one", "one")] * len(faces), emotions=words)


def sum_of(names=ALL, **settings):
    """Terms by name, all of them due from the first step on."""
    return {
        name: catalogue().config("term", name)(**(NOW.get(name, {}) | settings.get(name, {})))
        for name in names
    }


def started(path, seed=0, count=24, terms=None, **settings):
    trainer = TrainerConfig(**(TINY | settings)).build(Runtime(seed=seed))
    assert isinstance(trainer, Trainer)
    path.mkdir(exist_ok=True)
    return trainer.train(examples(*stub(count)), terms or sum_of(), path)


def train(path, **settings):
    return list(started(path, **settings))


def test_it_learns_to_read_a_simple_face(tmp_path):
    reports = train(
        tmp_path / "pk",
        width=1 / 16,
        count=150,
        steps=60,
        batch=24,
        learning_rate=3e-3,
        report=60,
        validation=0.2,
        average=0.9,
        redrawn=0.04,
        augment=False,
        terms=sum_of(("reconstruction", "emotion")),
    )
    assert reports[-1]["step"] == reports[-1]["of"] == 60
    assert reports[-1]["ccc_arousal"] > 0.6
    assert reports[-1]["ccc_valence"] > 0.6


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.rand(3)  # torch's own stream plays no part
        train(tmp_path / name, seed=seed, steps=3)
    a, b, c = (weights_of(tmp_path / name) for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def test_torch_s_own_stream_is_left_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(tmp_path / "pk", steps=1)
    assert torch.equal(torch.rand(3), expected)


def test_it_reports_every_term_and_remembers_how_it_was_trained(tmp_path):
    reports = train(tmp_path / "pk", steps=5, validation=0.25)
    assert [report["step"] for report in reports] == [2, 4, 5]
    networks = ("encoder", "generator", "reader", "prior", "real")
    assert set(reports[2]) == {
        "step", "of", *ALL, *(f"{name}_gradient" for name in networks),
        "ccc_arousal", "ccc_valence", "ccc_edit_arousal", "ccc_edit_valence", "faces_per_second",
    }  # fmt: skip
    facts = load(tmp_path / "pk" / LAST).facts
    assert (facts["faces"], facts["held_out"], facts["steps_done"]) == (18, 6, 5)
    assert facts["terms"]["emotion"]["weight"] == 2.0
    assert {path.name for path in (tmp_path / "pk").iterdir()} == {BEST, LAST}  # no face


@pytest.mark.parametrize(
    ("cut", "others"),
    [
        (1, {}),
        (2, {}),
        (3, {}),
        (2, {"precision": "fp16", "steps": 5, "batch": 2}),
        (3, {"optimizer": "adamw", "weight_decay": 0.1, "clip": 0.5, "balance": "plane"}),
        (3, {"checkpoint": "first.safetensors", "balance": "class"}),
    ],
)
def test_cut_off_anywhere_it_goes_on_and_ends_the_same_to_the_last_bit(tmp_path, cut, others):
    if "checkpoint" in others:
        others = others | {"checkpoint": written(tmp_path / others["checkpoint"])}
    settings = {"steps": 9, "save_every": 2, "report": 3, "validation": 0.25, "count": 30} | others
    whole = train(tmp_path / "whole", **settings)
    begun = started(tmp_path / "cut", **settings)
    before = [next(begun) for _ in range(cut - 1)]
    if cut == 3:  # killed between a state and a report
        before.append(next(begun))
    begun.close()
    torch.rand(5)
    after = train(tmp_path / "cut", **settings)
    a, b = weights_of(tmp_path / "whole"), weights_of(tmp_path / "cut")
    assert all(torch.equal(a[name], b[name]) for name in a)
    for report in (whole[-1], after[-1]):
        report.pop("faces_per_second")
    assert whole[-1] == after[-1]
    assert not (tmp_path / "cut" / STATE).exists()


def test_a_state_of_another_training_is_refused(tmp_path):
    begun = started(tmp_path / "pk", steps=6, save_every=1)
    next(begun)
    begun.close()
    with pytest.raises(InputError, match="is not the state of this training"):
        train(tmp_path / "pk", steps=6, width=1 / 8)
    (tmp_path / "pk" / STATE).write_bytes(b"no state")
    with pytest.raises(InputError, match="is no safetensors file"):
        train(tmp_path / "pk", steps=6)


def test_a_training_goes_on_from_no_other_checkpoint_than_it_began_from(tmp_path):
    first = written(tmp_path / "first.safetensors")
    begun = started(tmp_path / "pk", steps=6, save_every=1, checkpoint=first)
    next(begun)
    begun.close()
    written(first, seed=1)
    with pytest.raises(InputError, match="began from another checkpoint than is there now"):
        train(tmp_path / "pk", steps=6, checkpoint=first)


def test_nor_from_one_of_another_d_em(tmp_path):
    first = written(tmp_path / "first.safetensors")
    begun = started(tmp_path / "pk", steps=6, save_every=1, checkpoint=first)
    next(begun)
    begun.close()
    networks = load(first).networks
    networks.reader.load_state_dict({k: -v for k, v in networks.reader.state_dict().items()})
    save(first, networks, {}, half=True)
    with pytest.raises(InputError, match="began from another checkpoint than is there now"):
        train(tmp_path / "pk", steps=6, checkpoint=first)


def test_it_begins_with_the_weights_of_what_ships_and_leaves_its_persons_behind(tmp_path):
    settings = {"width": 0.25, "steps": 1, "learning_rate": 1e-6, "batch": 4, "count": 6,
                "half": False}  # fmt: skip
    train(tmp_path / "on", checkpoint="bundled", **settings)
    found, first = load(tmp_path / "on" / LAST), load(BUNDLED).networks
    for name, weights in found.networks.state_dict().items():
        difference = (weights - first.state_dict()[name]).abs()
        assert difference.max() < 2e-6
    assert found.facts["trainer"]["checkpoint"] == BUNDLED.name
    assert found.facts["began_from"] == {
        "name": BUNDLED.name, "fingerprint": fingerprint(first),
        "networks": ["encoder", "generator", "reader"],
    }  # fmt: skip
    with pytest.raises(InputError, match="holds no persons' network"):
        persons.load(tmp_path / "on" / LAST)


def test_critics_begin_as_they_would_without_a_checkpoint(tmp_path):
    first, critics = written(tmp_path / "first.safetensors"), []
    for name, more in (("anew", {}), ("on", {"checkpoint": first})):
        begun = started(tmp_path / name, steps=2, save_every=1, critic_rate=1e-30, **more)
        next(begun)
        begun.close()
        state = load_file(tmp_path / name / STATE)
        critics.append({name: one for name, one in state.items() if name.startswith("critics/")})
    assert critics[0]
    torch.testing.assert_close(*critics, rtol=0, atol=1e-20)


@pytest.mark.parametrize(
    ("name", "value"), [("width", 1 / 8), ("code", 20), ("hidden", 3), ("encoder", "residual")]
)
def test_a_checkpoint_of_another_shape_is_refused_by_its_setting(tmp_path, name, value):
    first = written(tmp_path / "first.safetensors")
    it_has = getattr(NetworkConfig(width=1 / 16), name)
    with pytest.raises(InputError) as said:
        TrainerConfig(**(TINY | {"checkpoint": first, name: value})).build(Runtime())
    assert str(said.value).startswith(f"{first}: ")
    assert str(said.value).endswith(f"asks for {name} = {value!r}, and it has {it_has!r}")


def test_a_checkpoint_that_is_none_is_refused(tmp_path):
    for path, words in ((tmp_path / "none", "no such file"), (written(tmp_path / "cut"), "whole")):
        if path.exists():
            path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(InputError, match=words):
            TrainerConfig(**TINY, checkpoint=path).build(Runtime())


def test_a_term_left_out_is_not_reported_and_d_em_is_fitted_afterwards(tmp_path):
    reports = train(
        tmp_path / "pk", steps=10, report=10, count=150, validation=0.2,
        terms=sum_of(("reconstruction",)),
    )  # fmt: skip
    assert "emotion" not in reports[-1]
    assert reports[-1]["ccc_arousal"] != 0


def test_without_progress_it_stops_and_keeps_the_best(tmp_path):
    reports = train(
        tmp_path / "pk", steps=60, report=2, patience=2, validation=0.25, learning_rate=1e-9,
        average=0.0,
    )  # fmt: skip
    assert len(reports) < 30
    best = max(reports, key=lambda one: one["ccc_arousal"] + one["ccc_valence"])
    assert load(tmp_path / "pk" / BEST).facts["steps_done"] == best["step"]


def test_training_that_comes_apart_names_the_term_and_keeps_the_last_good(tmp_path, monkeypatch):
    honest, calls = Emotion.cost, []

    def breaks(self, batch):
        calls.append(1)
        return honest(self, batch) * (torch.nan if len(calls) > 4 else 1.0)

    monkeypatch.setattr(Emotion, "cost", breaks)
    with pytest.raises(
        UserError, match=r"apart at step 5: term 'emotion' is nan.*last good"
    ) as said:
        train(tmp_path / "pk", steps=8)
    assert "\n" not in str(said.value)
    assert load(tmp_path / "pk" / LAST).facts["steps_done"] == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adamw", "weight_decay": 0.5},
        {"weight_decay": 0.5},
        {"clip": 1e-3},
        {"balance": "plane"},
        {"balance": "class"},
    ],
)
def test_each_setting_of_the_steps_changes_what_is_learnt(tmp_path, settings):
    common = {"steps": 3, "batch": 4, "samples": 0, "terms": sum_of(("emotion", "prior"))}
    for name, more in (("plain", {}), ("set", settings)):
        (*_, report) = train(tmp_path / name, **common, **more)
    a, b = weights_of(tmp_path / "plain"), weights_of(tmp_path / "set")
    assert not all(torch.equal(a[name], b[name]) for name in a)
    assert report["encoder_gradient"] > 0.01  # as it was before it was clipped


def test_weights_decay_under_adamw_by_the_rate_times_their_share_and_nothing_else_is_other(
    tmp_path,
):
    for name, more in (
        ("adam", {}),
        ("adamw", {"optimizer": "adamw"}),
        ("decayed", {"optimizer": "adamw", "weight_decay": 0.5}),
        ("unmoved", {"learning_rate": 1e-30}),
    ):
        settings = {"steps": 1, "average": 0.0, "samples": 0, "half": False, "cooldown": 0.0}
        train(tmp_path / name, **(settings | more), terms=sum_of(("emotion",)))
    adam, adamw, decayed, first = (
        weights_of(tmp_path / name) for name in ("adam", "adamw", "decayed", "unmoved")
    )
    rate = TrainerConfig().learning_rate
    for name in adam:
        if "encoder" in name:
            assert torch.equal(adam[name], adamw[name])
            expected = adam[name] - rate * 0.5 * first[name]
            torch.testing.assert_close(decayed[name], expected, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("form", ["logistic", "hinge", "squares", "wasserstein"])
def test_every_form_of_duel_trains(tmp_path, form):
    terms = sum_of(prior={"form": form, "spectral": True}, real={"form": form, "affect": "first"})
    (report,) = train(tmp_path / "pk", steps=2, terms=terms)
    assert np.isfinite([report["prior"], report["real"]]).all()


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_each_precision_trains(tmp_path, precision):
    (report,) = train(tmp_path / "pk", steps=1, precision=precision)
    assert np.isfinite(list(report.values())).all()


@pytest.mark.parametrize("validation", [0.0, 0.25])
def test_each_report_shows_faces_and_their_edits_and_learns_nothing_from_it(tmp_path, validation):
    train(tmp_path / "seen", steps=4, samples=3, validation=validation)
    train(tmp_path / "blind", steps=4, samples=0, validation=validation)
    sheets = sorted((tmp_path / "seen" / "samples").iterdir())
    assert [one.name for one in sheets] == ["step-000002.png", "step-000004.png"]
    shown = read(sheets[-1])
    assert shown.shape == (3 * 96, (1 + len(SHOWN)) * 96, 3)
    faces, _ = stub(24)
    assert np.array_equal(shown[:96, :96], faces[18 if validation else 0])
    assert np.array_equal(shown[-96:, :96], faces[-1])
    assert not (tmp_path / "blind" / "samples").exists()
    for name, weights in weights_of(tmp_path / "seen").items():
        assert torch.equal(weights, weights_of(tmp_path / "blind")[name])


@pytest.mark.parametrize("encoder", BACKBONES)
def test_each_e_trains(tmp_path, encoder):
    train(tmp_path / "pk", steps=2, encoder=encoder, precision="bf16")
    assert load(tmp_path / "pk" / LAST).networks.config.encoder == encoder


@pytest.mark.parametrize(
    ("faces", "affects", "words"),
    [
        (np.zeros((1, 96, 96, 3), np.uint8), np.zeros((1, 2)), "at least 2 faces"),
        (np.zeros((3, 64, 64, 3), np.uint8), np.zeros((3, 2)), r"uint8 \(96, 96, 3\)"),
        (np.zeros((3, 96, 96, 3)), np.zeros((3, 2)), "not float64"),
        (np.zeros((3, 96, 96, 3), np.uint8), np.zeros((2, 2)), "as many labels"),
        (np.zeros((3, 96, 96, 3), np.uint8), np.full((3, 2), np.nan), r"in \[-1, 1\]"),
        (np.zeros((3, 96, 96, 3), np.uint8), np.full((3, 2), -2.0), r"in \[-1, 1\]"),
    ],
)
def test_faces_or_labels_that_do_not_fit_are_refused(tmp_path, faces, affects, words):
    trainer = TrainerConfig(steps=1, **TINY).build(Runtime())
    with unchecked(), pytest.raises(UserError, match=words):
        list(trainer.train(examples(faces, affects.astype(np.float32)), sum_of(), tmp_path))


def test_agreement_is_the_concordance_correlation():
    truth, other = np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])
    # covariance 2/3, variances 2/3 each, means 1 apart: 4/3 / (4/3 + 1)
    assert agreement(truth, other) == pytest.approx(4 / 7)
    assert agreement(truth, np.zeros(3)) == 0.0
    assert np.isnan(agreement(np.zeros(3), np.zeros(3)))


def test_the_pace_rises_stays_and_falls_to_nearly_zero():
    config = TrainerConfig(steps=100, warmup=9, cooldown=0.5)
    paces = [pace(step, config) for step in range(100)]
    assert paces[:2] == pytest.approx([0.1, 0.2])
    assert paces[9:50] == [1.0] * 41
    assert 0 < paces[99] < 0.01
    assert paces[49:] == sorted(paces[49:], reverse=True)


def test_augmentation_keeps_faces_faces_and_a_plain_face_plain():
    lot = Lot(torch.Generator().manual_seed(0))
    grey = torch.full((20, 3, 96, 96), 0.25)
    torch.testing.assert_close(moved(grey, lot), grey)
    assert relit(torch.ones(20, 3, 96, 96), lot).max() <= 1.0
    assert (spoilt(grey, lot) - grey).abs().mean() < 0.1


def test_what_judges_edits_hardly_sees_their_finest_grain():
    lot = Lot(torch.Generator().manual_seed(0))
    rows = torch.arange(96)
    board = ((rows[:, None] + rows) % 2 * 2.0 - 1.0).expand(20, 3, 96, 96)
    seen = afar(board, lot)
    # the mean of 3 x 3 pixels leaves a ninth of it, and there is noise of 0.06 at most
    assert seen[..., 8:-8, 8:-8].std() < 1 / 9 + 0.06


def test_about_half_of_the_faces_are_mirrored_and_none_goes_far():
    face = torch.zeros(200, 1, 96, 96)
    face[:, :, 20, 10] = 1.0
    found = moved(face, Lot(torch.Generator().manual_seed(0))).flatten(1).argmax(1)
    down, right = found // 96, found % 96
    mirrored = right > 48
    assert 70 < mirrored.sum() < 130
    assert (down - 20).abs().max() <= 9
    assert torch.where(mirrored, 95 - right, right).sub(10).abs().max() <= 9


def test_naming_the_parts_imports_no_torch():
    code = (
        "import sys, affmem_pk\n"
        "assert affmem_pk.affmem_encoders().keys() == {'pk'}\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
