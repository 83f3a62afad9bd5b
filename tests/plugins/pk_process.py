"""`affmem train` as one process of several, in double precision or with something the matter.

Words before `train`: the folder to count its faces in, the arithmetic ("float32" or "float64"), and
what is the matter with which process from which step on: "nan@1:2", "killed@1:2", "proud@1" (each
of its reports is better than the last), or "nothing".
"""

import json
import os
import signal
import sys
from itertools import count
from pathlib import Path

import torch

from affmem import cli, gathering
from affmem_pk import training
from affmem_pk.terms import Emotion

RANK = os.environ.get("RANK", "0")


def watch(folder):
    """How many clips this process draws before the first step, and faces without end."""
    drawn = {"gathered": 0, "fresh": 0}

    def counted(kind, honest):
        def draw(self, *words):
            drawn[kind] += 1
            tell()
            return honest(self, *words)

        return draw

    def tell():
        (folder / f"drawn-{RANK}.json").write_text(json.dumps(drawn))

    tell()
    gathering._Eye.__call__ = counted("gathered", gathering._Eye.__call__)
    gathering._Eye.fresh = counted("fresh", gathering._Eye.fresh)


def befall(what, folder):
    kind, _, where = what.partition("@")
    if what == f"proud@{RANK}":
        better = count(1)
        training.agreement = lambda *_: next(better) * 1e-3
    honest, steps = Emotion.cost, []

    def cost(self, batch):
        steps.append(1)
        paid = honest(self, batch)
        if where != f"{RANK}:{len(steps)}":
            return paid
        if kind == "killed":
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return paid * torch.nan

    Emotion.cost = cost


def main(folder, arithmetic, what, *command):
    watch(folder)
    befall(what, folder)
    if arithmetic == "float64":  # what is kept, float32, is then rounded far more than sums are
        torch.set_default_dtype(torch.float64)
        torch.Tensor.float = torch.Tensor.double
    cli.main(command, prog_name="affmem")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
