"""A run is the same wherever its persons are walked, and however often it was cut off."""

import json
import os
import pickle
import subprocess
import sys
import time
from datetime import UTC, datetime

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affmem import Kept, Runtime, load
from affmem.consent import pseudonym
from affmem.erasing import erase, mentions, prepare, traces
from affmem.errors import InputError
from affmem.keeping import LIKENESS, OF, Shelf
from affmem.parallel import parallel
from affmem.run import run
from affmem.spreadsheet import Spreadsheet
from affmem.values import Affect, Clip, Step
from affmem.walked import FINISHED, Walked, Walks, finished
from affmem_pk.config import BUNDLED
from affmem_store.config import SqlConfig

FILES = ("frames.csv", "utterances.csv", "metrics.json", "memories/people.json")
TOML = """
seed = 3
resamples = 20
metrics = [{ use = "ccc" }]
[dataset]
use = "acted"
persons = 6
seconds = 2.0
every = 4
visits = 2
[faces]
use = "none"
[encoder]
use = "pk"
[memory]
use = "gwr"
[start]
frames = 1
edits = 7
epochs = 2
[runtime]
workers = 1
"""
QUICK = ("memory.use=personal", "dataset.visits=1", "dataset.seconds=1.0")
"""Of the same persons less, in seconds, for what does not depend on how a memory grows."""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "six.toml"
    path.write_text(TOML)
    return path


@pytest.fixture(scope="module")
def serial(file):
    """The directory of a run by one process."""
    return load(file).run(file.parent / "serial").out


def same(out, other):
    for name in FILES:
        assert (out / name).read_bytes() == (other / name).read_bytes(), name
    memories = sorted(path.name for path in (other / "memories").iterdir())
    assert memories == sorted(path.name for path in (out / "memories").iterdir())
    for name in memories:
        assert (out / "memories" / name).read_bytes() == (other / "memories" / name).read_bytes()


def test_by_two_processes_it_is_the_same_bit_for_bit(file, serial, tmp_path):
    told = []
    experiment = load(file, ["runtime.workers=2"])
    run(experiment, tmp_path / "two", lambda stage, done, of, _: told.append((stage, done, of)))
    same(tmp_path / "two", serial)
    assert not (tmp_path / "two" / FINISHED).exists()
    assert [one for one in told if one[0] == "watching"] == [
        ("watching", 2 * done, 12) for done in range(1, 7)
    ]


def test_on_dask_too(file, serial, tmp_path):
    same(load(file, ["runtime.backend=dask"]).run(tmp_path / "dask").out, serial)


@pytest.mark.slow
def test_on_ray_too(file, serial, tmp_path):
    same(load(file, ["runtime.backend=ray"]).run(tmp_path / "ray").out, serial)


# --- cut off ----------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_any_moment_it_goes_on_and_ends_the_same(file, serial, tmp_path, workers):
    out = tmp_path / "killed"
    words = [sys.executable, "-m", "affmem", "run", "--quiet"]
    first = ["--out", str(out), "--set", f"runtime.workers={workers}", str(file)]
    process = subprocess.Popen([*words, *first], start_new_session=True)
    end = time.monotonic() + 300
    while len([*out.glob(f"{FINISHED}/*.safetensors")]) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    started = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert psutil.wait_procs(started, timeout=20)[1] == []  # none outlives it
    assert json.loads((out / "run.json").read_text())["status"] == "running"
    done = {path.name: path.stat().st_mtime_ns for path in (out / FINISHED).iterdir()}
    assert len(done) >= 2
    assert len(done) < 6
    went_on = subprocess.run(
        [*words, "--resume", out, "--set", "runtime.workers=1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert went_on.returncode == 0, went_on.stderr
    same(out, serial)
    assert json.loads((out / "run.json").read_text())["status"] == "finished"


@pytest.mark.parametrize("backend", ["joblib", "dask", pytest.param("ray", marks=pytest.mark.slow)])
def test_a_worker_that_is_killed_is_made_up_for(file, serial, tmp_path, backend):
    out = tmp_path / "out"
    words = [sys.executable, "-m", "affmem", "run", "--quiet", "--out", str(out), str(file)]
    where = ["--set", f"runtime.backend={backend}", "--set", "runtime.workers=2"]
    process = subprocess.Popen([*words, *where], stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 300
    while not [*out.glob(f"{FINISHED}/*.safetensors")] and time.monotonic() < end:
        time.sleep(0.01)
    busiest(process.pid).kill()
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    same(out, serial)


def busiest(pid):
    """The process that has worked the most of all that a process has started."""
    return max(
        psutil.Process(pid).children(recursive=True), key=lambda one: sum(one.cpu_times()[:2])
    )


def test_what_is_kept_on_the_way_is_whole_or_done_again(file, serial, tmp_path):
    out = tmp_path / "cut"
    experiment = load(file)
    with pytest.raises(KeyboardInterrupt):
        run(experiment, out, _interrupting(after=4))
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    kept = [finished(out)[f"person_000{i}"] for i in range(4)]
    assert len([*(out / FINISHED).iterdir()]) == 4
    rows = (out / "frames.csv").read_text().splitlines()
    assert {row.split(",")[1] for row in rows[1:]} == {f"person_000{i}" for i in range(4)}
    whole = kept[0].read_bytes()
    kept[0].write_bytes(whole[: len(whole) // 2])
    kept[1].write_bytes(b"")
    kept[2].write_bytes(whole)  # another's
    seen = set()
    run(experiment, out, lambda *told: seen.add(told[-1] and told[-1].clip.person), resume=True)
    assert seen == {None, *(f"person_000{i}" for i in (0, 1, 2, 4, 5))}
    same(out, serial)
    frames = [json.loads((one / "timing.json").read_text())["frames"] for one in (out, serial)]
    assert frames[0] * 6 == frames[1] * 5  # those of this time


def _interrupting(after):
    persons = set()

    def watch(_stage, _done, _of, step):
        if step is not None:
            persons.add(step.clip.person)
        if len(persons) > after:
            raise KeyboardInterrupt

    return watch


def test_what_came_of_other_settings_clips_or_files_is_not_mixed_in(file, tmp_path):
    out, weights = tmp_path / "other", tmp_path / "pk.safetensors"
    weights.write_bytes(BUNDLED.read_bytes())
    words = [f"encoder.checkpoint={weights}"]
    with pytest.raises(KeyboardInterrupt):
        run(load(file, words), out, _interrupting(after=2))
    kept = everything(out)
    for other in ([*words, "seed=4"], [*words, "dataset.visits=3"], []):
        with pytest.raises(InputError, match="data or checkpoints are others"):
            run(load(file, other), out, resume=True)
    os.utime(weights, ns=(1, 1))
    with pytest.raises(InputError, match="data or checkpoints are others"):
        run(load(file, words), out, resume=True)
    assert everything(out) == kept


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_do_not_run_in_one_folder(file, tmp_path):
    out = tmp_path / "out"

    def watch(*_):
        with pytest.raises(InputError, match="another process is running it"):
            run(load(file), out, resume=True)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(load(file), out, watch)
    assert not (out / "running.lock").exists()


def test_of_a_run_that_was_cut_off_a_person_can_be_erased(file, tmp_path):
    out = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        run(load(file), out, _interrupting(after=3))
    (trace,) = traces(tmp_path, "person_0001")
    assert (trace.persons, trace.frames > 0) == (3, True)
    erase(trace, "person_0001")
    assert traces(tmp_path, "person_0001") == []
    assert mentions(tmp_path, "person_0001", [out]) == []
    assert len([*(out / FINISHED).iterdir()]) == 2


def test_while_a_run_goes_on_nobody_is_erased_from_it(file, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    runs = tmp_path / "runs"
    words = ["people", "erase", "person_0000", "--runs", runs, "--yes"]

    def watch(_stage, _done, _of, step):
        if step is not None and step.clip.person == "person_0002":
            before = everything(tmp_path)
            done = affmem(*words)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
            assert f"{runs / 'one'}: the run is still going on" in done.stderr
            assert "then erase again" in done.stderr
            assert everything(tmp_path) == before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(load(file, QUICK), runs / "one", watch)
    assert len(traces(runs, "person_0000")) == 1
    done = affmem(*words)
    assert done.returncode == 0, done.stderr
    assert traces(runs, "person_0000") == []
    assert len(traces(runs, "person_0001")) == 1


def test_what_a_kill_left_half_written_is_removed(file, tmp_path):
    out = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        run(load(file, QUICK), out, _interrupting(after=2))
    half = [out / FINISHED / ".0.safetensors.part", out / ".frames.csv.part"]
    half.append(out / "edits" / ".0.part.png")
    half[-1].parent.mkdir()

    def left():
        return [path for path in half if path.exists()]

    def killed():
        for path in half:
            path.write_bytes(b"person_0009")

    killed()
    (trace,) = traces(tmp_path, "person_0001")
    erase(trace, "person_0001")
    assert left() == []
    killed()
    watched = tmp_path / "watched"  # whose first table was not whole yet
    watched.mkdir()
    (watched / "run.json").write_text("{}")
    (watched / ".frames.csv.part").write_bytes(b"person_0009")
    done = affmem("people", "erase", "person_0009", "--runs", tmp_path, "--yes")
    assert (done.returncode, left()) == (2, [])  # nobody, and that is so
    assert [path.name for path in watched.iterdir()] == ["run.json"]
    killed()

    def watch(*_):
        assert left() == []
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(load(file, QUICK), out, watch, resume=True)


def test_all_that_a_run_writes_is_removed_half_written_and_nothing_else(file, tmp_path):
    words = [*QUICK, "dataset.persons=2", "report.faces=true"]
    out = run(load(file, words), tmp_path / "out").out
    (out / FINISHED).mkdir()
    (out / FINISHED / "0.safetensors").write_bytes(b"")
    written = everything(out)
    assert {path.parent.name for path in written} == {"out", FINISHED, "memories", "edits"}
    for path in written:
        path.with_name(f".{path.name}.part").write_bytes(b"half")
    (out / "edits" / ".0.part.png").write_bytes(b"half")
    watched = Spreadsheet(out / "watched.csv")  # by another process, meanwhile
    prepare(tmp_path)
    watched.close()
    assert everything(out).keys() - written.keys() == {out / "watched.csv"}


# --- with a store -----------------------------------------------------------------------------


def test_a_store_has_each_person_once_also_where_it_was_cut_off_in_between(
    file, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # where the key of pseudonyms is

    def experiment(name):
        words = ["store.use=sql", f"store.file={tmp_path / name}", "consent.days=30"]
        return load(file, words)

    whole = run(experiment("whole.sqlite"), tmp_path / "whole")
    out = tmp_path / "cut"
    killed_before_keeping(experiment("cut.sqlite"), out, "person_0003", monkeypatch)
    fourth = pseudonym("person_0003")
    store = SqlConfig(file=tmp_path / "cut.sqlite").build(Runtime())
    before = {card.person: card.version for card in store.people() if card.version}
    store.close()
    assert len(before) == 3
    assert fourth not in before
    again = run(experiment("cut.sqlite"), out, resume=True)
    same(out, whole.out)
    assert [*again.notes] == [*whole.notes]
    store = SqlConfig(file=tmp_path / "cut.sqlite").build(Runtime())
    other = SqlConfig(file=tmp_path / "whole.sqlite").build(Runtime())
    assert [(one.person, one.faces, one.units) for one in store.people()] == [
        (one.person, one.faces, one.units) for one in other.people()
    ]
    after = {card.person: card.version for card in store.people()}
    assert before.items() <= after.items()
    assert after[fourth]
    store.close()
    other.close()


def killed_before_keeping(experiment, out, person, monkeypatch):
    """A run, until `person` is walked, and before the store has what came of it."""
    keep = Shelf.keep

    def killed(self, who, *kept):
        if who == person:
            raise KeyboardInterrupt
        keep(self, who, *kept)

    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            run(experiment, out)


NOT_KEPT = (
    "erased from the store, or entered there, since they were watched: what was learnt then is not "
    "kept there"
)


def test_who_was_erased_since_is_not_put_back(file, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    database, out = tmp_path / "s.sqlite", tmp_path / "cut"
    words = ["store.use=sql", f"store.file={database}", "consent.days=30", "dataset.persons=5"]
    experiment = load(file, [*QUICK, *words])
    killed_before_keeping(experiment, out, "person_0003", monkeypatch)
    people = [f"person_000{i}" for i in range(5)]
    stored, new, forgotten, walked, last = map(pseudonym, people)
    store = SqlConfig(file=database).build(Runtime())
    assert {card.person for card in store.people() if card.version} == {stored, new, forgotten}
    for name in (new, forgotten, walked, last):
        store.erase(name)
    store.consent(new, datetime.now(UTC), None)  # they agreed again
    (trace,) = traces(tmp_path, people[2])
    erase(trace, people[2])
    again = run(experiment, out, resume=True)
    assert {card.person: bool(card.version) for card in store.people()} == {
        stored: True, new: False,
    }  # fmt: skip
    store.close()
    assert [note for note in again.notes if "not kept" in note] == [
        *(f"{people[i]}: not in the store as the run went on: not kept there" for i in (2, 3, 4)),
        f"{people[1]}: {NOT_KEPT}",
    ]
    rows = (out / "frames.csv").read_text().splitlines()
    assert {row.split(",")[1] for row in rows[1:]} == {*people}


def test_a_likeness_stays_in_the_store(file, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    database, out = tmp_path / "s.sqlite", tmp_path / "out"
    words = ["store.use=sql", f"store.file={database}", "consent.days=30", "dataset.persons=3"]
    experiment = load(file, [*QUICK, *words])
    run(experiment, tmp_path / "first")
    code = np.random.default_rng(1).normal(size=(1, 128)).astype(np.float32)
    likeness, store = {LIKENESS: code, OF: np.array([5])}, SqlConfig(file=database).build(Runtime())
    before = {}
    for card in store.people():
        kept, version = store.load(card.person)
        about = {**kept.about, "likeness": "1 2"}
        kept = Kept({**kept.state, **likeness}, kept.faces, kept.units, about)
        before[card.person] = store.save(card.person, kept, version)

    def seen(work, jobs, *rest):
        def bare(job):
            assert job.kept is not None
            assert code.tobytes() not in pickle.dumps(job)
            return job

        return parallel(work, map(bare, jobs), *rest)

    monkeypatch.setattr("affmem.run.parallel", seen)
    killed_before_keeping(experiment, out, "person_0001", monkeypatch)
    assert len(finished(out)) == 2
    assert [path for path, data in everything(out).items() if code.tobytes() in data] == []
    run(experiment, out, resume=True)
    for name, version in before.items():
        kept, now = store.load(name)
        assert now > version
        assert kept.state[LIKENESS].tobytes() == code.tobytes()
        assert (kept.state[OF].tolist(), kept.about["likeness"]) == ([5], "1 2")
    store.close()


# --- bit for bit ------------------------------------------------------------------------------

level = st.floats(-1, 1)
affects = st.none() | st.builds(Affect, level, level)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.floats(0, 1e6), st.booleans(), affects, affects, st.floats(0, 1),
            st.integers(0, 2**31), affects,
        ),
        max_size=20,
    )
)  # fmt: skip
def test_what_was_walked_comes_back_bit_for_bit(tmp_path_factory, rows):
    clips = tuple(Clip(f"anna/{i}", "anna") for i in range(3))
    steps = [Step(clips[i], *rest) for i, *rest in sorted(rows, key=lambda row: row[0])]
    state = {"weights": np.float32([[1, 2]]), "affmem": np.int64([3])}
    kept = Kept(state, faces=3, units=1, about={"likeness": "1 2"})
    folder = tmp_path_factory.mktemp("walked")
    one = Walked("anna", steps, kept, 5, "2026", {"find": 0.1}, "w", 2, ("a",))
    Walks(folder, clips, "x").put(one)
    (back,) = Walks(folder, clips, "x").done
    assert back.steps == steps
    assert (back.person, back.base, back.since) == ("anna", 5, "2026")
    assert (back.seconds, back.worker, back.turn, back.notes) == ({"find": 0.1}, "w", 2, ("a",))
    assert (back.kept.faces, back.kept.units, back.kept.about) == (3, 1, {"likeness": "1 2"})
    assert {name: array.tobytes() for name, array in back.kept.state.items()} == {
        name: array.tobytes() for name, array in state.items()
    }
    with pytest.raises(InputError, match="data or checkpoints are others"):
        Walks(folder, clips, "y")


# --- what cannot be ---------------------------------------------------------------------------


def affmem(*words):
    command = [sys.executable, "-m", "affmem", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_cannot_go_on_is_said_in_a_line(file, serial, tmp_path):
    (serial / FINISHED).mkdir()  # of a run that was killed at its very end
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "run.json").write_text("[]")
    for words, told in (
        (["--resume", tmp_path / "empty"], "holds no run"),
        (["--resume", tmp_path / "odd"], "run.json: is not as a run writes it"),
        (["--resume", tmp_path / "none"], "holds no run"),
        (["--resume", serial], "holds a run that is finished"),
        ([file, "--resume", serial], "name nothing else"),
        (["--resume", serial, "--set", "seed=4"], "expected runtime.KEY"),
        ([], "Missing argument 'FILE'"),
        ([file, "--set", "runtime.backend=dusk"], "did you mean 'dask'?"),
        ([file, "--set", "runtime.worker=2"], "did you mean 'workers'?"),
        ([file, "--set", "runtime.address=tcp://127.0.0.1:1"], "no setting 'address'"),
        (
            [file, "--set", "runtime.backend=dask", "--set", "runtime.address=tcp://127.0.0.1:1"],
            "no Dask scheduler",
        ),
    ):
        done = affmem("run", *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert told in done.stderr
    assert not (serial / FINISHED).exists()
