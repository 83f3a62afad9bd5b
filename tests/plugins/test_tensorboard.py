"""What a training tells its trackers, and what TensorBoard would read of it."""

import csv
import struct
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
import torch
from attrs import evolve, frozen
from safetensors.numpy import load_file
from tensorboardX.proto.event_pb2 import Event, SessionLog

from affmem.catalogue import catalogue
from affmem.errors import InputError, PluginError
from affmem.experiment import Part, Training, dumps, load
from affmem.gallery import save
from affmem.protocols import Runtime, Tracker
from affmem.terms import Examples, sample
from affmem.tracking import tracked
from affmem.training import train
from affmem.values import Clip


def part(kind, use, **settings):
    return Part(kind, use, catalogue().config(kind, use)(**settings))


def tiny(*trackers, **settings):
    given = {"width": 1 / 16, "batch": 4, "steps": 6, "report": 2, "save_every": 1,
             "samples": 4, **settings}  # fmt: skip
    return Training(
        dataset=(part("dataset", "drawn"),),
        training=part("trainer", "pk", **given),
        terms=(part("term", "emotion"),),
        trackers=trackers,
    )


def examples():
    rng = np.random.default_rng(0)
    affects = rng.uniform(-1, 1, (8, 2)).astype(np.float32)
    faces = rng.integers(0, 256, (8, 96, 96, 3), np.uint8)
    return Examples(faces, affects, [Clip("one", "one")] * 8)


def events(folder):
    """Every event of a folder's files, in order: length, its checksum, the event, its checksum."""
    for path in sorted(folder.glob("events*")):
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            yield Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]


def points(folder):
    """(tag, step, what) that stand, as TensorBoard reads: a start voids its step and later."""
    found = []
    for event in events(folder):
        if event.session_log.status == SessionLog.START:
            found = [one for one in found if one[1] < event.step]
        found += [(one.tag, event.step, one) for one in event.summary.value]
    return found


def test_a_training_cut_off_and_resumed_has_each_point_once(tmp_path):
    training, out = tiny(part("tracker", "tensorboard")), tmp_path / "pk"
    begun = train(training, out, examples=examples())
    list(islice(begun, 2))
    begun.close()
    assert {step for _, step, _ in points(out)} == {2, 4}
    assert next(train(training, out, examples=examples()))["step"] == 4  # its state is of step 3
    list(train(training, out, examples=examples()))
    assert len([*out.glob("events*")]) >= 2
    with (out / "figures.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [step for tag, step, _ in points(out) if tag == "samples"] == [2, 4, 6]
    scalars = [one for one in points(out) if one[2].HasField("simple_value")]
    told = {(tag, step): value.simple_value for tag, step, value in scalars}
    assert len(told) == len(scalars)
    expected = {
        (name, int(row["step"])): float(value)
        for row in rows
        for name, value in row.items()
        if name not in ("step", "of") and value and np.isfinite(float(value))
    }
    assert told == pytest.approx(expected, rel=1e-5)
    assert {step for _, step in told} == {2, 4, 6}


def test_a_picture_and_the_training_s_text_are_there_and_what_is_not_finite_is_not(tmp_path):
    folder = tmp_path / "many"
    tracker = part("tracker", "tensorboard", folder=folder).build(Runtime())
    assert isinstance(tracker, Tracker)
    image = np.full((4, 6, 3), 90, np.uint8)
    sample(tmp_path, 10).parent.mkdir()
    save(image, sample(tmp_path, 10))
    with tracked({"tensorboard": tracker}, tmp_path, "seed = 1") as tell:
        tell({"step": 10, "of": 20, "emotion": 0.5, "arousal": np.nan})
    found = {tag: value for tag, _, value in points(folder / tmp_path.name)}
    assert set(found) == {"training/text_summary", "emotion", "samples"}
    assert b"seed = 1" in found["training/text_summary"].tensor.string_val[0]
    assert (found["samples"].image.height, found["samples"].image.width) == (4, 6)


class Hostile:
    def begin(self, folder, text):
        torch.rand(3)
        np.random.rand(3)  # noqa: NPY002  (the stream that others might use)

    def figures(self, step, figures):
        torch.manual_seed(step)
        figures.clear()
        if step > 2:
            raise OSError("the network is gone")

    def picture(self, step, name, image):
        image[:] = 0

    def end(self):
        raise AssertionError("it was told the end though it failed before")


@frozen
class HostileConfig:
    def build(self, _runtime):
        return Hostile()


def test_a_tracker_changes_nothing_of_what_is_learnt_and_may_fail(tmp_path, caplog):
    watched = tiny(Part("tracker", "hostile", HostileConfig()))
    alone = list(train(tiny(), tmp_path / "alone", examples=examples()))
    seen = list(train(watched, tmp_path / "seen", examples=examples()))
    for one in (*alone, *seen):
        one.pop("faces_per_second")
    assert str(seen) == str(alone)
    weights = [load_file(tmp_path / name / "last.safetensors") for name in ("alone", "seen")]
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert caplog.messages == ["tracker 'hostile' failed, and hears no more: the network is gone"]


def test_a_training_may_go_on_with_other_trackers_but_with_nothing_else_changed(tmp_path):
    begun = train(tiny(), tmp_path, examples=examples())
    next(begun)
    begun.close()
    with pytest.raises(InputError, match="another training"):
        next(train(tiny(steps=7), tmp_path, examples=examples()))
    followed = evolve(tiny(), trackers=(part("tracker", "tensorboard"),))
    assert len(list(train(followed, tmp_path, examples=examples()))) == 3
    assert 'use = "tensorboard"' in (tmp_path / "training.toml").read_text()


@pytest.mark.parametrize("trackers", [(), (part("tracker", "tensorboard"),)])
def test_trackers_survive_toml_and_back(tmp_path, trackers):
    training = tiny(*trackers)
    (tmp_path / "a.toml").write_text(dumps(training))
    assert load(tmp_path / "a.toml") == training


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    monkeypatch.delitem(sys.modules, "affmem_tensorboard.tracker", raising=False)
    with pytest.raises(PluginError, match=r"needs tensorboardX: pip install affmem\[tensorboard\]"):
        part("tracker", "tensorboard").build(Runtime())


def test_naming_the_part_imports_no_tensorboard():
    code = (
        "import sys, affmem_tensorboard as one\n"
        "assert one.affmem_trackers()['tensorboard']()\n"
        "assert not {'tensorboardX', 'torch'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
