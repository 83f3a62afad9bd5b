"""Speed of a live session: `OMP_NUM_THREADS=1 python benchmarks/live.py [--frames 1000]`.

A drawn person moves in a picture of 1280 x 720, encoded as H.264. Each frame is decoded, its face
found, aligned, encoded, read, predicted and learnt, by one thread on one core, with the encoder at
the paper's width and at the bundled checkpoint's. No checkpoint of the paper's width is shipped:
its weights are drawn by lot, which changes no time. Times are seconds of the processor's, so that
they are one core's whatever else the machine does; seconds of the wall stand beside them. The last
line is JSON.
"""

import argparse
import json
import platform
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import av
import cv2
import numpy as np
import psutil
import torch

from affmem.catalogue import catalogue
from affmem.protocols import Runtime
from affmem.road import Parts
from affmem.session import Session
from affmem.start import Start
from affmem.timing import Clock
from affmem.values import Image
from affmem_drawn.corpus import write_video
from affmem_drawn.film import Shot, film
from affmem_drawn.performance import perform, sample_temper
from affmem_drawn.portrait import sample_person
from affmem_drawn.scene import sample_backdrop, sample_light
from affmem_faces import following
from affmem_pk.checkpoint import save
from affmem_pk.config import BUNDLED, NetworkConfig
from affmem_pk.networks import Networks

WIDTH, HEIGHT, SECONDS, FACE = 1280, 720, 4.0, 260.0
STATIONS: Final = ("decode", "find", "align", "encode", "read", "predict", "learn")


def filmed(path: Path) -> None:
    """Someone moves before a camera."""
    rng = np.random.default_rng(4)
    who, temper = sample_person(rng, 0.35), sample_temper(rng)
    shot = Shot(WIDTH, HEIGHT, FACE, 0.5, 0.45, sample_light(rng), sample_backdrop(rng), 0.5)
    acted = perform(rng, who.manner, temper, (0.4, 0.2), SECONDS)
    images = (image for image, _ in film(rng, who.look, acted, shot))
    write_video(path, images, WIDTH, HEIGHT)


def decoded(path: Path) -> Iterator[Image]:
    """Its frames, over and over, decoded by one thread."""
    while True:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type, stream.codec_context.thread_count = "NONE", 1
            for frame in container.decode(stream):
                yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def parts(checkpoint: Path, memory: str) -> Parts:
    """What is run; the memory's start is taken before anything is timed."""
    find, runtime = catalogue().config, Runtime()
    pk = find("encoder", "pk")(checkpoint=checkpoint).build(runtime)
    faces = find("faces", "mtcnn")().build(runtime)
    return Parts(faces, pk, pk, pk, find("memory", memory)(), Start(frames=1, edits=200), runtime)


def watched(video: Path, checkpoint: Path, memory: str, frames: int) -> dict[str, Any]:
    """So many frames of it, and what they cost."""
    clock = Clock(process_time)
    with Session(parts(checkpoint, memory), clock=clock) as session:
        source = clock.over("decode", decoded(video))
        aligned = following.aligned

        def timed(*words: Any) -> Any:  # noqa: ANN401
            with clock("align"):
                return aligned(*words)

        following.aligned = timed
        for number, image in enumerate(islice(source, 50)):
            sightings = session.see(image, number / 25)
            if number == 0:
                session.start(sightings[0].track, "anna")
        clock.seconds.clear()
        resident = [psutil.Process().memory_info().rss]
        cpu, wall, seen, units = [process_time()], [perf_counter()], 0, 0
        for number, image in enumerate(islice(source, frames)):
            [*sightings] = session.see(image, number / 25)
            seen += bool(sightings)
            if sightings and not any(one.person for one in sightings):  # the film began anew
                session.start(sightings[0].track, "anna")
            units = max([units, *(one.units for one in sightings)])
            cpu.append(process_time())
            wall.append(perf_counter())
            if (number + 1) % (frames // 4) == 0:
                resident.append(psutil.Process().memory_info().rss)
        following.aligned = aligned
    spent, waited = np.diff(cpu) * 1e3, np.diff(wall) * 1e3
    figures = {
        "fps": round(1e3 / spent.mean(), 1),
        "p50_ms": round(float(np.median(spent)), 2),
        "p99_ms": round(float(np.quantile(spent, 0.99)), 2),
        "wall_fps": round(1e3 / waited.mean(), 1),
        "wall_p99_ms": round(float(np.quantile(waited, 0.99)), 2),
        "frames": frames,
        "seen": seen,
        "units": units,
        "rss_mib": [round(one / 2**20, 1) for one in resident],
        "stations": {one: round(clock.seconds.get(one, 0.0) / frames * 1e3, 3) for one in STATIONS},
    }
    print(f"{checkpoint.stem}: {json.dumps(figures)}", flush=True)
    return figures


def main() -> None:
    """Film, watch, tell."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument("--frames", type=int, default=1000)
    options.add_argument("--memory", default="gwr")
    options.add_argument("--video", type=Path, help="instead of the drawn one, which is kept there")
    asked = options.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        video = asked.video or Path(folder) / "drawn.mp4"
        if not video.exists():
            filmed(video)
        full = Path(folder) / "full.safetensors"
        torch.manual_seed(0)
        save(full, Networks(NetworkConfig(width=1.0)), {}, half=True)
        small = watched(video, BUNDLED, asked.memory, asked.frames)
        large = watched(video, full, asked.memory, asked.frames)
    print(platform.processor() or platform.machine(), "| torch", torch.__version__)
    print(
        json.dumps(
            {
                "fps_one_core": large["fps"],
                "fps_small": small["fps"],
                "p99_ms": large["p99_ms"],
                "stations": large["stations"],
            }
        )
    )


if __name__ == "__main__":
    main()
