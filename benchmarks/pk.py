"""Speed of the prior knowledge: `python benchmarks/pk.py [--width 0.25] [--precision fp32]`.

Encodes 1, 25 and 200 faces, edits one face 200 ways, does both in a row as a new person needs it,
and takes steps of training with 48 faces. Beside what affmem does stand other ways of running the
same networks, all in one run and in turns: plainly (planes of colours apart, the whole batch at
once), compiled by PyTorch, and by ONNX Runtime. A ratio is the median of the turns' ratios. Work is
what PyTorch's own counter says; the bound is the machine's measured peak of a matrix product. The
last line is JSON. Peers come with `pip install --group bench`.
"""

import argparse
import json
import logging
import platform
import tempfile
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from affmem.protocols import Runtime
from affmem.terms import Examples
from affmem.values import Affects, Codes, Faces
from affmem_pk.checkpoint import save
from affmem_pk.config import (
    EditConfig,
    EmotionConfig,
    NetworkConfig,
    PKConfig,
    PriorConfig,
    RealConfig,
    ReconstructionConfig,
    TrainerConfig,
)
from affmem_pk.networks import Networks

RNG: Final = np.random.default_rng(0)
FACES: Final[Faces] = RNG.uniform(-1, 1, (200, 3, 96, 96)).astype(np.float32)
AFFECTS: Final[Affects] = RNG.uniform(-1, 1, (200, 2)).astype(np.float32)
STEPS: Final = 10
"""Steps of training that one turn takes."""
TERMS: Final = {
    "reconstruction": ReconstructionConfig(),
    "emotion": EmotionConfig(),
    "prior": PriorConfig(),
    "real": RealConfig(begin=0.0),
    "edit": EditConfig(begin=0.0),
}

Encode = Callable[[Faces], Codes]
Edit = Callable[[Codes, Affects], Faces]


def affmem(path: Path, precision: str) -> tuple[Encode, Edit]:
    """What `affmem run` does."""
    pk = PKConfig(path, precision="bf16" if precision == "bf16" else "fp32").build(Runtime())
    return pk.encode, lambda _, affects: pk.edit(FACES[0], affects)


def torch_ways(networks: Networks, precision: str) -> Mapping[str, tuple[Encode, Edit]]:
    """Plainly, and compiled by PyTorch."""
    kind = torch.float32 if precision == "fp32" else torch.bfloat16
    encoder, generator = networks.encoder.to(kind), networks.generator.to(kind)

    def numpy(network: Callable[..., torch.Tensor], *arrays: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(*(torch.from_numpy(one).to(kind) for one in arrays)).float().numpy()

    return {
        "plain": (partial(numpy, encoder), partial(numpy, generator)),
        "compiled": (
            partial(numpy, torch.compile(encoder)), partial(numpy, torch.compile(generator)),
        ),
    }  # fmt: skip


def onnx(networks: Networks, folder: Path) -> tuple[Encode, Edit]:
    """By ONNX Runtime, as many threads as PyTorch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    any_number = {0: torch.export.Dim("n", min=1)}
    affects = torch.from_numpy(AFFECTS)
    codes = torch.zeros(len(affects), networks.config.code)
    made = {
        # Alone, its layer "code" would be taken for the attribute of that name of a graph.
        "encoder": (
            torch.nn.Sequential(networks.encoder).eval(), (torch.from_numpy(FACES[:2]),),
            (any_number,),
        ),
        "generator": (networks.generator, (codes, affects), None),
    }  # fmt: skip
    runs = []
    for name, (network, inputs, shapes) in made.items():
        path = folder / f"{name}.onnx"
        torch.onnx.export(network, inputs, path, dynamic_shapes=shapes, dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(path, options)
        names = [one.name for one in session.get_inputs()]
        runs.append(
            lambda *arrays, session=session, names=names: session.run(
                None, dict(zip(names, arrays, strict=True))
            )[0]
        )
    return runs[0], runs[1]


def work(encode: Encode, edit: Edit) -> Mapping[str, Callable[[], object]]:
    """What is timed of one way."""
    code = np.repeat(encode(FACES[:1]), 200, axis=0)
    return {
        "encode_1": partial(encode, FACES[:1]),
        "encode_25": partial(encode, FACES[:25]),
        "encode_200": partial(encode, FACES),
        "edit_200": partial(edit, code, AFFECTS),
        "edit_and_encode_200": lambda: encode(edit(code, AFFECTS)),
    }


def training(folder: Path, width: float, precision: str) -> Callable[[], object]:
    """Some steps of a training of all terms with 48 faces each; the next of it each time."""
    config = TrainerConfig(
        width=width, steps=10**6, report=STEPS, validation=0.0, samples=0, save_every=10**6,
        precision="bf16" if precision == "bf16" else "fp32",
    )  # fmt: skip
    pictures = RNG.integers(0, 256, (480, 96, 96, 3), np.uint8)
    affects = RNG.uniform(-1, 1, (480, 2)).astype(np.float32)
    steps = config.build(Runtime()).train(Examples(pictures, affects, []), TERMS, folder)
    return lambda: next(steps)


def main() -> None:
    """Measure, print and print again as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # of how exporting is done inside PyTorch
    logging.disable()
    networks = Networks(NetworkConfig(width=asked.width)).eval()
    kind = torch.float32 if asked.precision == "fp32" else torch.bfloat16
    square = torch.rand(2048, 2048).to(kind)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pk.safetensors")
        save(path, networks, {}, half=False)
        ways = {"affmem": work(*affmem(path, asked.precision))}
        if asked.precision == "fp32":
            ways["ONNX Runtime"] = work(*onnx(networks, Path(folder)))
        ways |= {k: work(*v) for k, v in torch_ways(networks, asked.precision).items()}
        steps = training(Path(folder), asked.width, asked.precision)
        ways["affmem"] = {**ways["affmem"], f"{STEPS}_steps_of_48": steps}

        # --- how much work each is ------------------------------------------------------------
        operations = {"peak": 2 * 2048**3}
        for name, run in ways["affmem"].items():
            with FlopCounterMode(display=False) as counter:
                run()
            operations[name] = counter.get_total_flops()
        for name, way in ways.items():
            if name != "affmem":
                np.testing.assert_allclose(
                    way["encode_25"](), ways["affmem"]["encode_25"](),
                    atol=1e-4 if asked.precision == "fp32" else 0.1, err_msg=name,
                )  # fmt: skip

        # --- in turns ---------------------------------------------------------------------------
        timed = {("", "peak"): lambda: square @ square}
        timed |= {(name, what): run for name, way in ways.items() for what, run in way.items()}
        times: dict[tuple[str, str], list[float]] = {key: [] for key in timed}
        for turn in range(asked.rounds + 1):
            for key, run in timed.items():
                begin = perf_counter()
                run()
                if turn > 0:  # the first warms up
                    times[key].append(perf_counter() - begin)

    peak = operations["peak"] / min(times["", "peak"])
    result: dict[str, object] = {
        "machine": platform.processor() or platform.machine(), "width": asked.width,
        "precision": asked.precision, "threads": torch.get_num_threads(),
        "peak_gflops": round(peak / 1e9),
    }  # fmt: skip
    print(f"peak of a matrix product: {peak / 1e9:.0f} GFLOP/s, {torch.get_num_threads()} threads")
    for what in ways["affmem"]:
        own = times["affmem", what]
        share = operations[what] / median(own) / peak
        line = f"{what:20} {1e3 * median(own):9.2f} ms {share:5.0%} of that peak"
        figures: dict[str, float] = {
            "seconds": round(median(own), 6), "share_of_peak": round(share, 3),
        }  # fmt: skip
        for name, way in ways.items():
            if name != "affmem" and what in way:
                ratio = median(b / a for a, b in zip(own, times[name, what], strict=True))
                line += f"   {name} x{ratio:.2f}"
                figures[f"{name} takes"] = round(ratio, 2)
        print(line)
        result[what] = figures
    print(json.dumps(result))


if __name__ == "__main__":
    main()
