"""Nothing that a file holds is ever run: no reader unpickles or evaluates what it reads."""

import ast
import pickle
from pathlib import Path

import numpy as np
import pytest

from hostile.readers import READERS
from hostile.watch import case, judged, ready

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for folder in ("src", "plugins", "examples", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)
FORBIDDEN = {
    "pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml", "jsonpickle",
}  # fmt: skip
"""Modules whose readers run what they read; also those that only write have no place here."""
EVALUATES = {"eval", "exec", "compile", "__import__", "execfile"}
EXEMPT = {
    ("src/affmem/workers.py", "pickle"),
    ("plugins/affmem_backends/processes.py", "joblib.externals.loky"),
}
"""They hand work to processes that they have started, as multiprocessing does it, by pickling it;
what others wrote never comes there."""


def faults(tree):
    """What in a module could run what it reads."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names if one.name.split(".")[0] in FORBIDDEN)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in FORBIDDEN:
                yield module
            case ast.Call(func=ast.Name(id=name)) if name in EVALUATES:
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(id=of), attr="load"), keywords=given):
                named = {one.arg: getattr(one.value, "value", None) for one in given}
                if of in ("np", "numpy") and named.get("allow_pickle") is not False:
                    yield "np.load without allow_pickle=False"
                if of == "torch" and named.get("weights_only") is not True:
                    yield "torch.load without weights_only=True"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_can_run_what_it_reads(path):
    name = path.relative_to(ROOT).as_posix()
    found = faults(ast.parse(path.read_text(encoding="utf-8")))
    assert [one for one in found if (name, one) not in EXEMPT] == []


@pytest.mark.parametrize(
    "text",
    ["import pickle", "from dill import load", "eval(x)", "np.load(f)", "import yaml.loader",
     "np.load(f, allow_pickle=True)", "torch.load(f)", "torch.load(f, weights_only=False)"],
)  # fmt: skip
def test_what_could_is_found(text):
    assert list(faults(ast.parse(text)))


class Trap:
    """An object that writes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["annotation", "meshes"])
def test_an_array_of_objects_is_refused_and_nothing_of_it_runs(tmp_path, name):
    sprung = tmp_path / "sprung"
    trap = np.empty(1, object)
    trap[0] = Trap(sprung)
    (tmp_path / "in").mkdir()
    path, _ = ready(READERS[name], tmp_path / "in")[0]
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as whole:
            np.savez(path, **{**whole, "vertices": trap})
    else:
        np.save(path, trap)
    assert judged(READERS[name], path) == ("refused", "")
    np.load(path, allow_pickle=True)[()] if path.suffix == ".npy" else None
    assert sprung.exists() == (path.suffix == ".npy")  # the trap would have worked


@pytest.mark.parametrize("name", READERS)
def test_no_reader_unpickles(tmp_path, monkeypatch, name):
    reader = READERS[name]
    paths = ready(reader, tmp_path)  # also what is compiled once, and kept by numba beside our code

    def unpickled(*_args, **_options):
        raise AssertionError("it was unpickled")

    for one in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, one, unpickled)
        monkeypatch.setattr(f"_pickle.{one}", unpickled)
    for number, (path, kept) in enumerate(paths[:4]):
        assert judged(reader, path) == ("read", "")
        path.write_bytes(b"\x80\x04" + pickle.dumps(Trap(tmp_path / "sprung")))
        assert judged(reader, path)[0] in ("read", "refused")
        path.write_bytes(case(reader, paths, 3, number))
        assert judged(reader, path)[1] == ""
        path.write_bytes(kept)
    assert not (tmp_path / "sprung").exists()
