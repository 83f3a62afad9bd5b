"""A training's faces, gathered from one dataset or several."""

from affmem.training import mixed
from affmem.values import Clip


class Listed:
    unit = "frame"

    def __init__(self, name, count):
        self._clips = [Clip(f"{name}{place}", name) for place in range(count)]

    def clips(self):
        return self._clips

    def notes(self):
        return ()

    def frames(self, clip):
        yield from ()


def test_datasets_are_mixed_evenly_and_each_keeps_its_order():
    few, many = Listed("few", 3), Listed("many", 9)
    names = [clip.name for _, clip in mixed([few, many])]
    assert [one for one in names if one.startswith("few")] == ["few0", "few1", "few2"]
    assert [one for one in names if one.startswith("many")] == [f"many{i}" for i in range(9)]
    thirds = [names[place : place + 4] for place in (0, 4, 8)]
    assert all(sum(one.startswith("few") for one in third) == 1 for third in thirds)
