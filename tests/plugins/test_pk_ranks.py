"""Two processes with half a batch each have the gradients of one with the whole."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from affmem.errors import UserError
from affmem_pk.ranks import Ranks, check_divides, joined

WORKER = Path(__file__).with_name("pk_ranks_worker.py")


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
        "samples",
    ]


def test_alone_nothing_is_shared_and_every_row_is_mine():
    ranks = joined(torch.device("cpu"))
    assert ranks == Ranks()
    assert ranks.mine(torch.arange(6)).tolist() == [0, 1, 2, 3, 4, 5]
    assert Ranks(1, 3).mine(torch.arange(6)).tolist() == [1, 4]


def test_what_cannot_be_shared_evenly_is_said():
    with pytest.raises(UserError, match="3 processes cannot share batch of 8 evenly"):
        check_divides(3, 8, 6)
    check_divides(2, 8, 4)
