"""Several processes, each with its share of every batch, learn what one does with the whole."""

import json
import math
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim import SGD

import affmem
from affmem.errors import UserError
from affmem.training import train as learn
from affmem_pk.checkpoint import load
from affmem_pk.ranks import advance, check_divides, launched, means, mine
from affmem_pk.training import BEST, LAST, STATE

PROCESS = Path(__file__).with_name("pk_process.py")
DRAWN = Path(__file__).parents[2] / "examples" / "pk-drawn.toml"
SCRIPTS = Path(sysconfig.get_path("scripts"))
TINY = (
    "workers=1", "dataset.persons=6", "dataset.size=24", "training.width=0.0625",
    "training.batch=8", "training.redrawn=0.5", "training.steps=6", "training.report=3",
    "training.save_every=2", "training.warmup=0", "training.samples=0", "training.half=false",
    "terms.real.begin=0.0", "terms.edit.begin=0.0",
)  # fmt: skip
ENDED = ("error: another process of this training has ended", "interrupted; go on with --out")
WITHIN = 40
"""Seconds after which nothing of a training is left one of whose processes was killed: torchrun
gives the others 30."""


def alone():
    return [sys.executable]


def torchrun(count):
    return [SCRIPTS / "torchrun", "--standalone", "--nproc-per-node", count]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def fabric(count):
    devices = ["--accelerator", "cpu", "--devices", count, "--main-port", free_port()]
    return [SCRIPTS / "fabric", "run", *devices]


def nodes(count):
    """What starts each of several nodes, with two processes each; all on this machine."""
    where = ["--master-addr", "127.0.0.1", "--master-port", free_port(), "--nproc-per-node", 2]
    start = [SCRIPTS / "torchrun", *where, "--nnodes", count, "--node-rank"]
    return [[*start, number] for number in range(count)]


def train(launcher, out, *more, arithmetic="float64", what="nothing"):
    """`affmem train` on 24 drawn faces, by however many processes: code, lines, what each drew."""
    told = out.with_name(f"{out.name}-told")
    told.mkdir(exist_ok=True)
    sets = [word for one in (*TINY, *more) for word in ("--set", one)]
    words = [*launcher, PROCESS, told, arithmetic, what, "train", DRAWN, "--quiet", "--out", out]
    done = subprocess.run(
        [*map(str, words), *sets], capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    drawn = [json.loads(path.read_text()) for path in sorted(told.glob("drawn-*"))]
    return done.returncode, done.stderr.splitlines(), drawn


def trained(*words, **options):
    code, lines, drawn = train(*words, **options)
    assert code == 0, "\n".join(lines)
    return drawn


def same(one, other):
    """Both checkpoints hold the same numbers, to within a rounding of float32."""
    for name in (BEST, LAST):
        a, b = (load(out / name).networks.state_dict() for out in (one, other))
        for key, weights in a.items():
            torch.testing.assert_close(b[key], weights, rtol=3e-7, atol=1e-9)
    return True


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What one process learns, in double precision."""
    out = tmp_path_factory.mktemp("whole") / "out"
    trained(alone(), out)
    return out


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_several_processes_learn_what_one_does(count, whole, tmp_path):
    trained(torchrun(count), tmp_path / "out")
    assert same(tmp_path / "out", whole)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        BEST, LAST, "done.json", "figures.csv", "training.toml",
    }  # fmt: skip


def test_in_single_precision_what_they_pay_in_the_first_step_is_the_same(tmp_path):
    """Later, Adam divides small gradients by themselves, and with them how they were rounded."""
    figures = []
    for name, launcher in (("one", alone()), ("two", fabric(2))):
        trained(launcher, tmp_path / name, "training.steps=1", arithmetic="float32")
        figures.append(load(tmp_path / name / LAST).facts["figures"])
    assert figures[1] == pytest.approx(figures[0], rel=2e-4)
    assert len(figures[0]) == 10


def test_one_that_is_killed_ends_all_and_any_number_of_processes_goes_on(whole, tmp_path):
    out = tmp_path / "out"
    code, lines, _ = train(torchrun(2), out, what="killed@1:5")
    assert time.time() - (tmp_path / "out-told" / "killed").stat().st_mtime < WITHIN
    assert code != 0
    assert len([line for line in lines if line.startswith(ENDED)]) == 1
    assert not [line for line in lines if "KeyboardInterrupt" in line]
    assert load(out / LAST).facts["steps_done"] == 3
    assert (out / STATE).exists()
    for name, launcher in (("by-one", alone()), ("by-four", torchrun(4))):
        trained(launcher, Path(shutil.copytree(out, tmp_path / name)))
        assert same(tmp_path / name, whole)


@pytest.mark.slow
def test_started_again_by_torchrun_they_go_on(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")  # else some call the dead
    trained([*torchrun(2), "--max-restarts", 1], tmp_path / "out", what="killed@1:5")
    assert (tmp_path / "out-told" / "killed").exists()
    assert same(tmp_path / "out", whole)


@pytest.mark.slow
def test_each_node_gathers_once_and_all_go_on_from_one_folder(whole, tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    folders = [(out, tmp_path / "here"), (elsewhere, tmp_path / "there")]

    def run(what):
        with ThreadPoolExecutor(2) as both:
            return [*both.map(
                lambda node, place: train(node, place[0], f"cache='{place[1]}'", what=what),
                nodes(2), folders,
            )]  # fmt: skip

    for code, _, (first, second) in run("killed@3:5"):
        assert code
        assert (first["gathered"], second["gathered"]) == (24, 0)
    assert not elsewhere.exists()  # the first process of all writes, and nobody else
    for code, lines, _ in run("nothing"):
        assert code
        assert any("differ in step to go on from (4, 4, 0, 0)" in line for line in lines)
    folders[1] = out, tmp_path / "there"
    assert [code for code, *_ in run("nothing")] == [0, 0]
    assert same(out, whole)


@pytest.mark.slow
def test_when_to_stop_is_for_the_first_to_say(tmp_path):
    """That of another, computed on another card, might be a little other."""
    settings = ("report=1", "patience=1", "learning_rate=1e-9", "average=0.0", "validation=0.25")
    more = [f"training.{one}" for one in settings]
    trained(torchrun(2), tmp_path / "out", *more, what="proud@1")
    assert load(tmp_path / "out" / LAST).facts["steps_done"] < 6


def test_a_term_that_is_not_finite_in_one_process_ends_all_with_a_line_that_names_it(tmp_path):
    code, lines, _ = train(torchrun(2), tmp_path / "out", what="nan@1:2")
    assert code != 0
    said = [line for line in lines if line.startswith("error: ")]
    assert len(said) == 2
    assert len(set(said)) == 1
    assert said[0].startswith("error: training came apart at step 2: term 'emotion' is nan")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["training.toml"]


def test_faces_are_gathered_once_and_of_those_without_end_each_process_makes_its_own(tmp_path):
    drawn = {}
    for name, launcher in (("one", alone()), ("two", torchrun(2))):
        cache = f"cache='{tmp_path / name}-faces'"
        drawn[name] = trained(launcher, tmp_path / name, "endless=true", cache)
    assert drawn["one"] == [{"gathered": 24, "fresh": 48}]
    assert drawn["two"] == [{"gathered": 24, "fresh": 24}, {"gathered": 0, "fresh": 24}]
    assert same(tmp_path / "two", tmp_path / "one")


def test_what_is_trained_by_one_process_is_refused_to_several(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    training = affmem.load(DRAWN.with_name("persons.toml"))
    line = "trainer 'personal' learns in one process; expected no torchrun, which has started 2"
    with pytest.raises(UserError, match=line):
        next(learn(training, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_alone_nothing_is_shared_and_every_row_is_mine():
    fabric = launched("cpu", "fp32")
    assert mine(fabric, torch.arange(6)).tolist() == [0, 1, 2, 3, 4, 5]
    assert means(fabric, {"a": torch.tensor(2.0), "b": torch.tensor(-1.5)}) == {"a": 2, "b": -1.5}
    assert means(fabric, {}) == {}


@pytest.mark.parametrize(
    ("clip", "expected"), [(math.inf, (3.0, 4.0)), (10.0, (3.0, 4.0)), (1.0, (0.6, 0.8))]
)
def test_each_network_s_gradient_is_scaled_down_by_itself_and_told_as_it_was(clip, expected):
    both = nn.ModuleDict({name: nn.Linear(2, 1, bias=False) for name in ("long", "short", "none")})
    for line in both.values():
        nn.init.zeros_(line.weight)
    both["long"].weight.grad = torch.tensor([[3.0, 4.0]])
    both["short"].weight.grad = torch.tensor([[0.0, 0.5]])
    norms = advance(launched("cpu", "fp32"), both, SGD(both.parameters(), lr=1.0), clip)
    assert norms == {"long": 5.0, "short": 0.5}
    assert both["long"].weight[0].tolist() == pytest.approx([-one for one in expected], rel=1e-5)
    assert both["short"].weight[0].tolist() == [0.0, -0.5]
    assert both["none"].weight[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("device", ["tpu-of-mine", "cuda:99", "cpu:x"])
def test_a_device_that_cannot_be_used_is_one_line(device):
    with pytest.raises(UserError, match=f"device '{device}' cannot be used here") as said:
        launched(device, "fp32")
    assert "\n" not in str(said.value)


def test_what_cannot_be_shared_evenly_is_said():
    with pytest.raises(UserError, match="3 processes cannot share batch of 8 evenly"):
        check_divides(3, 8, 6)
    check_divides(2, 8, 4)
