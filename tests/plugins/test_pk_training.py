"""Training: it learns, it repeats itself, and it leaves nothing half done."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from affmem.errors import UserError
from affmem.protocols import Runtime, Trainer
from affmem_pk import losses
from affmem_pk.augment import moved, relit, spoilt
from affmem_pk.checkpoint import load
from affmem_pk.config import PRESETS, TrainerConfig
from affmem_pk.training import agreement, pace
from typecheck import unchecked

TINY = {"width": 1 / 16, "batch": 8, "report": 2, "warmup": 0, "real_from": 0.0, "edit_from": 0.0}


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


def weights_of(path):
    return load(path).networks.state_dict()


def train(path, seed=0, count=24, **settings):
    trainer = TrainerConfig(**(TINY | settings)).build(Runtime(seed=seed))
    assert isinstance(trainer, Trainer)
    return list(trainer.train(*stub(count), path))


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
        prior=0,
        real=0,
    )
    assert reports[-1]["step"] == reports[-1]["of"] == 60
    assert reports[-1]["arousal"] > 0.6
    assert reports[-1]["valence"] > 0.6


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


def test_interrupted_it_has_written_nothing(tmp_path):
    trainer = TrainerConfig(steps=6, **TINY).build(Runtime())
    steps = trainer.train(*stub(24), tmp_path / "pk")
    assert next(steps)["step"] == 2
    steps.close()
    assert list(tmp_path.iterdir()) == []


def test_it_reports_every_term_and_remembers_how_it_was_trained(tmp_path):
    reports = train(tmp_path / "pk", steps=5, validation=0.25)
    assert [report["step"] for report in reports] == [2, 4, 5]
    assert {"reconstruction", "emotion", "prior", "real", "edit", "edit_valence"} <= set(reports[2])
    facts = load(tmp_path / "pk").facts
    assert (facts["faces"], facts["held_out"], facts["steps_done"]) == (18, 6, 5)
    assert facts["trainer"]["preset"] == "corrected"
    assert list(tmp_path.iterdir()) == [tmp_path / "pk"]


def test_the_paper_s_preset_asks_no_edit_to_be_read_back(tmp_path):
    (report,) = train(tmp_path / "pk", steps=1, preset="paper", init="paper", augment=False)
    assert "edit" not in report
    assert PRESETS["paper"]["emotion"] == 0.02


def test_it_saves_on_the_way_where_asked_to(tmp_path):
    trainer = TrainerConfig(steps=4, save_every=2, **TINY).build(Runtime())
    steps = trainer.train(*stub(24), tmp_path / "pk")
    next(steps)
    steps.close()
    assert load(tmp_path / "pk").facts["steps_done"] == 2


def test_training_that_comes_apart_says_so_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(losses, "emotion", lambda batch, read: batch.codes.sum() * torch.nan)
    with pytest.raises(UserError, match="came apart at step 1: the loss is nan"):
        train(tmp_path / "pk", steps=4)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_each_precision_trains(tmp_path, precision):
    (report,) = train(tmp_path / "pk", steps=1, precision=precision)
    assert np.isfinite(list(report.values())).all()


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
        list(trainer.train(faces, affects.astype(np.float32), tmp_path / "pk"))


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
    lot = torch.Generator().manual_seed(0)
    grey = torch.full((20, 3, 96, 96), 0.25)
    torch.testing.assert_close(moved(grey, lot), grey)
    assert relit(torch.ones(20, 3, 96, 96), lot).max() <= 1.0
    assert (spoilt(grey, lot) - grey).abs().mean() < 0.1


def test_about_half_of_the_faces_are_mirrored_and_none_goes_far():
    face = torch.zeros(200, 1, 96, 96)
    face[:, :, 20, 10] = 1.0
    found = moved(face, torch.Generator().manual_seed(0)).flatten(1).argmax(1)
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
