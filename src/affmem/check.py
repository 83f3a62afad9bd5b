"""What a dataset holds, and what of it cannot be read."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from affmem.errors import InputError
from affmem.protocols import Dataset

FRAMES = 25


def inspect(dataset: Dataset, told: Callable[[int, int], None]) -> dict[str, Any]:
    """Open every clip, decode its first second, and count. `told(done, of)` hears of each clip."""
    clips = dataset.clips()
    unreadable, empty, labels = [], [], []
    for done, clip in enumerate(clips):
        told(done, len(clips))
        try:
            frames = list(islice(dataset.frames(clip), FRAMES))
            if not frames:
                empty.append(clip.name)
            label = clip.affect or next((one.affect for one in frames if one.affect), None)
            if label is not None:
                labels.append(label)
        except InputError as error:
            unreadable.append(str(error))
    told(len(clips), len(clips))
    ranges = {
        f"{name} of labels": f"{min(values):+.2f} to {max(values):+.2f}, "
        f"mean {sum(values) / len(values):+.2f}"
        for name, values in (
            ("arousal", [one.arousal for one in labels]),
            ("valence", [one.valence for one in labels]),
        )
        if values
    }
    return {
        "unit": dataset.unit,
        "persons": len({clip.person for clip in clips}),
        "clips": len(clips),
        "clips with a label": len(labels),
        **ranges,
        "clips without a frame": empty,
        "unreadable": unreadable,
        "note": list(dataset.notes()),
    }
