"""Does the server stand it? `python benchmarks/soak.py [--clients 8] [--fps 25] [--minutes 10]`.

Clients send a drawn person's film at their pace, as browsers do, but without waiting for answers;
each has a person and a memory of its own. Beside them others misbehave all the time: connections
cut in mid-frame, garbage, pictures that are none, messages too large, a second window on a person
who is watched. Prints what was answered and dropped, latencies from the sending of a frame to its
reading, and the server's memory (resident set) over time. The last line is JSON.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections import Counter
from io import BytesIO
from itertools import count
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import numpy as np
import psutil
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from affmem_drawn.film import film, sample_shot
from affmem_drawn.performance import perform, sample_temper
from affmem_drawn.portrait import sample_person
from affmem_drawn.scene import sample_backdrop, sample_light

WIDTH, HEIGHT, SECONDS = 640, 360, 2.0


def filmed(seed: int) -> list[bytes]:
    """A film of someone, a JPEG file a frame."""
    rng = np.random.default_rng(seed)
    who, temper = sample_person(rng, 0.35), sample_temper(rng)
    shot = sample_shot(rng, WIDTH, HEIGHT, sample_light(rng), sample_backdrop(rng))
    frames = []
    for image, _ in film(
        rng, who.look, perform(rng, who.manner, temper, (0.4, 0.2), SECONDS), shot
    ):
        held = BytesIO()
        Image.fromarray(image).save(held, "JPEG", quality=80)
        frames.append(held.getvalue())
    return frames


class Tally:
    """What happened."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.errors: Counter[str] = Counter()


async def watch(
    url: str, person: str, frames: list[bytes], fps: float, end: float, told: Tally
) -> None:
    """One camera, to the end; connects anew where it was cut off, and counts that."""
    while perf_counter() < end:
        try:
            async with connect(url, max_size=None) as socket:
                await socket.send(json.dumps({"type": "start", "person": person}))
                sent: dict[int, float] = {}
                hearing = asyncio.create_task(hear(socket, sent, told))
                start = perf_counter()
                for number in count(1):
                    sent[number] = perf_counter()
                    await socket.send(frames[number % len(frames)])
                    told.counts["sent"] += 1
                    rest = start + number / fps - perf_counter()
                    await asyncio.sleep(max(0.0, rest))
                    if perf_counter() >= end:
                        break
                await asyncio.sleep(2)  # the last one is answered
                hearing.cancel()
                return
        except (ConnectionClosed, InvalidHandshake, OSError) as error:
            told.errors[f"camera: {error}"] += 1
            await asyncio.sleep(1)


async def hear(socket: ClientConnection, sent: dict[int, float], told: Tally) -> None:
    """Take what is answered."""
    before = 0
    async for text in socket:
        message: dict[str, Any] = json.loads(text)
        if message["type"] == "reading":
            told.counts["answered"] += 1
            told.latencies.append(perf_counter() - sent[message["frame"]])
            for number in range(before + 1, message["frame"] + 1):
                sent.pop(number, None)
            before = message["frame"]
        elif message["type"] in ("error", "refused"):
            told.errors[f"camera: {message['problem']}"] += 1


async def misbehave(
    url: str, persons: list[str], frames: list[bytes], end: float, told: Tally
) -> None:
    """One bad client after another; each answered as it should be, or counted as an error."""
    rng = Random(0)  # noqa: S311  (no secret)
    while perf_counter() < end:
        kind = rng.choice(["cut", "garbage", "no picture", "too large", "second window"])
        told.counts[kind] += 1
        try:
            async with connect(url, max_size=None) as socket:
                await socket.recv()
                if kind == "cut":
                    await socket.send(frames[0])
                    socket.transport.abort()
                    continue
                await socket.send(
                    {
                        "garbage": rng.choice(["", "{", "null", '{"type":1}', "\x00" * 99]),
                        "no picture": rng.randbytes(rng.randrange(5000)),
                        "too large": bytes(600_000),
                        "second window": json.dumps({"type": "continue", "person": persons[0]}),
                    }[kind]
                )
                answer = json.loads(await asyncio.wait_for(socket.recv(), 30))
                wanted = "refused" if kind == "second window" else "error"
                if answer["type"] != wanted or (wanted == "refused" and answer["why"] != "busy"):
                    told.errors[f"{kind}: {answer}"] += 1
        except ConnectionClosed as error:
            if kind not in ("cut", "too large") or (error.rcvd and error.rcvd.code != 1009):
                told.errors[f"{kind}: {error}"] += 1
        except (InvalidHandshake, OSError, TimeoutError) as error:
            told.errors[f"{kind}: {error!r}"] += 1
        await asyncio.sleep(0.5)


async def weigh(server: psutil.Process, end: float, sizes: list[tuple[float, float]]) -> None:
    """The server's resident memory in MiB, every two seconds."""
    start = perf_counter()
    while perf_counter() < end:
        sizes.append((perf_counter() - start, server.memory_info().rss / 2**20))
        await asyncio.sleep(2)


async def soak(port: int, server: psutil.Process, asked: argparse.Namespace) -> dict[str, Any]:
    """Run all of them, and sum up."""
    url, told = f"ws://127.0.0.1:{port}/api/watch", Tally()
    persons = [f"soak-{number}" for number in range(asked.clients)]
    films = [filmed(number) for number in range(asked.clients)]
    sizes: list[tuple[float, float]] = []
    end = perf_counter() + 60 * asked.minutes
    processor = server.cpu_times()
    await asyncio.gather(
        *(
            watch(url, person, frames, asked.fps, end, told)
            for person, frames in zip(persons, films, strict=True)
        ),
        misbehave(url, persons, films[0], end, told),
        weigh(server, end, sizes),
    )
    spent = server.cpu_times()
    half = [size for at, size in sizes if at > 30 * asked.minutes]
    early = half[: max(1, len(half) // 4)]
    late = half[-max(1, len(half) // 4) :]
    latencies = 1000 * np.array(told.latencies or [np.nan])
    return {
        "clients": asked.clients,
        "fps": asked.fps,
        "minutes": asked.minutes,
        **told.counts,
        "dropped": told.counts["sent"] - told.counts["answered"],
        "latency_ms": {f"p{q}": round(float(np.percentile(latencies, q)), 1) for q in (50, 95, 99)},
        "rss_mib": {
            "start": round(sizes[0][1]),
            "half": round(float(np.mean(early))),
            "end": round(float(np.mean(late))),
            "most": round(max(size for _, size in sizes)),
        },
        "cpu_seconds": round(spent.user + spent.system - processor.user - processor.system, 1),
        "threads": server.num_threads(),
        "errors": dict(told.errors),
    }


def main() -> None:
    """Start a server of its own, in its own process, with a store of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = json.dumps(str(Path(folder) / "memories.sqlite"))
        words = [
            sys.executable,
            "-m",
            "affmem",
            "serve",
            "--port",
            "0",
            "--set",
            f"store.file={file}",
        ]
        for one in asked.set:
            words += ["--set", one]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as serving:  # noqa: S603
            line = serving.stdout.readline() if serving.stdout else ""
            port = int(line.rstrip("/\n").rpartition(":")[2])
            try:
                found = asyncio.run(soak(port, psutil.Process(serving.pid), asked))
            finally:
                serving.terminate()
        found["exit"] = serving.returncode
    for key, value in found.items():
        print(f"{key}: {value}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
