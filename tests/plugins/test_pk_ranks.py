"""Two processes with half a batch each have the gradients of one with the whole."""

import math
import os
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD

from affmem.errors import UserError
from affmem_pk.ranks import advance, check_divides, launched, means, mine

WORKER = Path(__file__).with_name("pk_ranks_worker.py")
BROKEN = Path(__file__).with_name("pk_broken_worker.py")
DRAWN = Path(__file__).parents[2] / "examples" / "pk-drawn.toml"


def run(words, **environment):
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_two_processes_have_the_gradients_of_one(tmp_path):
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2]
    run([WORKER, tmp_path / "one", tmp_path / "out-one"])
    run([*torchrun, WORKER, tmp_path / "two", tmp_path / "out-two"])
    with np.load(tmp_path / "one-0.npz") as alone:
        whole = [alone[name] for name in alone.files]
    for rank in (0, 1):
        with np.load(tmp_path / f"two-{rank}.npz") as halves:
            shared = [halves[name] for name in halves.files]
        assert len(shared) == len(whole) > 20
        for one, other in zip(whole, shared, strict=True):
            scale = np.abs(one).max()
            np.testing.assert_allclose(other, one, atol=2e-4 * scale + 1e-9)
    assert sorted(path.name for path in (tmp_path / "out-two").iterdir()) == [  # by the first
        "best.safetensors",
        "last.safetensors",
    ]


def test_a_term_that_is_not_finite_in_one_process_ends_all_with_a_line_that_names_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    fabric = Path(sysconfig.get_path("scripts")) / "fabric"
    words = [fabric, "run", "--accelerator", "cpu", "--devices", 2, "--main-port", port]
    training = ["dataset.persons=6", "training.width=0.0625", "training.batch=8"]
    overrides = [word for one in training for word in ("--set", one)]
    command = ["train", DRAWN, "--quiet", "--out", tmp_path / "out", *overrides]
    run([*words, BROKEN, tmp_path / "said", *command])
    for rank in (0, 1):
        code, line, *rest = (tmp_path / f"said-{rank}").read_text().splitlines()
        assert code == "2"
        assert line.startswith("error: training came apart at step 1: term 'emotion' is nan")
        assert rest == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["training.toml"]


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
