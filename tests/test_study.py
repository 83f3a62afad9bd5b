"""Studies: what is walked, what controls are shown, and that nothing looks ahead or at answers."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from attrs import evolve
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from affmem.ablation import read as read_ablation
from affmem.assembly import build
from affmem.cli import main
from affmem.controls import derived, shown
from affmem.errors import ExperimentError, InputError, UserError
from affmem.experiment import Experiment, structure
from affmem.parallel import cores
from affmem.protocols import Runtime
from affmem.road import walk
from affmem.study import conduct, load, place, read, record
from affmem.tape import Tape
from affmem.values import Affect, Frame
from affmem.verdict import calibrated, markdown, verdict
from affmem_backends.config import DaskConfig, JoblibConfig
from affmem_pk.config import BUNDLED

TOML = """
experiment = "base.toml"
chosen = "memory"
resamples = 50

[development]
seed = 5
faces = { use = "none" }
dataset = { use = "acted", persons = 3, seconds = 8.0, every = 20 }

[final]
seed = 6
faces = { use = "none" }
dataset = { use = "acted", persons = 3, seconds = 8.0, every = 20, valence = 0.2 }

[[conditions]]
name = "strong"
dataset = { strength = 0.6 }

[[rows]]
name = "PK"
memory = { use = "none" }
start = { frames = 0 }

[[rows]]
name = "memory"
memory = { use = "knn" }
start = { frames = 1, edits = 4, epochs = 1 }

[[rows]]
name = "told"
control = "told"
memory = { use = "knn" }
start = { frames = 0 }

[[rows]]
name = "ceiling"
control = "ceiling"
"""


def written(folder, text=TOML):
    (folder / "base.toml").write_text('[dataset]\nuse = "drawn"\n')
    path = folder / "table.toml"
    path.write_text(text)
    return path


def affmem(*words):
    return CliRunner().invoke(main, [str(one) for one in words])


def tiny(**more):
    """The smallest study: one person, one frame, and what is laid over a condition."""
    text = TOML.replace("3, seconds = 8.0, every = 20", "1, seconds = 1.0, every = 40")
    keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items())
    return text.replace('name = "strong"\n', f'name = "strong"\n{keys}')


# --- what is asked ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('chosen = "memory"', 'chosen = "memry"', "did you mean 'memory'"),
        ('control = "told"', 'control = "tolled"', "must be in"),
        ('use = "knn"', 'use = "kn"', "did you mean 'knn'"),
        ('name = "told"', 'name = "PK"', "name one otherwise"),
        ('name = "told"', 'name = "Memory"', "name one otherwise"),
        ('name = "PK"\n', "", "rows[0].name"),
        ('name = "strong"', 'name = "strong"\nrows = ["memory"]', "'PK', which gains are over"),
        ("seed = 6", "seed = 5", "again"),
        ("strength = 0.6", "strenght = 0.6", "did you mean 'strength'"),
        ("[[conditions]]", "[[condition]]", "did you mean 'conditions'"),
        ('experiment = "base.toml"', "experiment = 3", "expected a path"),
        ('experiment = "base.toml"', 'experiment = "none.toml"', "no such file"),
        (
            'memory = { use = "knn" }\nstart = { frames = 0 }',
            'memory = { use = "knn" }\nstart = { frames = 2 }',
            "needs start.frames = 0",
        ),
        ('name = "PK"\n', 'name = "PK"\ncontrol = "nobody"\n', "no control"),
        ('"ceiling"\ncon', '"ceiling"\n[runtime]\nworker = 2\n#', "did you mean 'workers'"),
        ('"ceiling"\ncon', '"ceiling"\n[runtime]\nbackend = "jobs"\n#', "did you mean 'joblib'"),
        ("resamples = 50", "runtime = 2", "expected a table [runtime], got 2"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(tmp_path, old, new, line):
    assert old in TOML
    path = written(tmp_path, TOML.replace(old, new))
    result = affmem("study", path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert line in result.stderr
    assert str(tmp_path) in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_smaller_study_can_be_asked_for(tmp_path):
    path = written(tmp_path)
    study = read(path, ["dataset.persons=2", "final.dataset.seconds=4.0", "start.edits=10"])
    assert [one.dataset["persons"] for one in (study.development, study.final)] == [2, 2]
    assert [one.dataset["seconds"] for one in (study.development, study.final)] == [8.0, 4.0]
    assert study.final.dataset["valence"] == 0.2
    assert study.variant("final", study.conditions[0], study.rows[0]).start.edits == 10
    with pytest.raises(UserError, match=r"^--set seed=3: expected development\.seed="):
        read(path, ["seed=3"])
    with pytest.raises(ExperimentError, match="no setting 'person'; did you mean") as told:
        read(path, ["dataset.person=2"])
    assert len(told.value.lines) == 2  # of either group


def test_the_example_is_sound_and_its_persons_are_apart():
    study = read(Path("examples/table3.toml"))
    assert study.development.seed != study.final.seed
    assert study.development.dataset != study.final.dataset
    assert study.development.dataset["persons"] >= 64
    assert study.final.dataset["persons"] >= 64
    assert {"none", "medium", "strong"} <= {one.name for one in study.conditions}


def test_the_rows_of_the_variants_are_the_ablations_by_its_checkpoints():
    of_rows = {
        row.name: Path(f"runs/table2/rows/{number:02}/seed-1/best.safetensors").absolute()
        for number, row in enumerate(read_ablation(Path("examples/table2.toml")).rows, 1)
    }
    study, table = (read(Path(f"examples/{one}.toml")) for one in ("table3-variants", "table3"))
    assert (study.development, study.final) == (table.development, table.final)
    walked = study.walked(study.conditions[0])
    assert {row.name.partition(", ")[0] for row in walked} == set(of_rows)
    for row in walked:
        experiment = study.variant("development", study.conditions[0], row)
        parts = experiment.encoder, experiment.reader, experiment.editor
        expected = of_rows[row.name.partition(", ")[0]]
        assert {part.config.checkpoint.resolve() for part in parts} == {expected}
        assert (experiment.memory.use == "none") == (row.name in of_rows)


def test_it_is_for_affmem_study_alone(tmp_path):
    path = written(tmp_path)
    result = affmem("run", path)
    assert result.exit_code == 2
    assert "affmem study" in result.stderr


# --- what is walked -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def conducted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    study = read(written(folder))
    conduct(study, folder / "out", final=False)
    return study, folder / "out"


def test_final_persons_stay_unseen_until_they_are_asked_for(conducted):
    _study, out = conducted
    assert (out / "development").is_dir()
    assert not (out / "final").exists()


def test_its_figures_have_the_chosen_gain_and_the_ceiling(conducted):
    study, out = conducted
    figures = verdict(study, out, final=False)
    found = figures["development"]["strong"]
    assert found["persons"] == 3
    assert set(found["gain"]) == set(found["ceiling"]) == {"arousal", "valence"}
    assert set(found["gain"]["arousal"]) == {"ccc", "low", "high"}
    by_name = {row["name"]: row for row in found["rows"]}
    assert by_name["PK"]["gain"]["arousal"] == {"ccc": 0.0, "low": 0.0, "high": 0.0}
    pk = by_name["PK"]["arousal"]["ccc"]
    gained = by_name["memory"]["gain"]["arousal"]["ccc"]
    assert by_name["memory"]["arousal"]["ccc"] - pk == pytest.approx(gained, abs=2e-4)
    assert by_name["ceiling"]["share"] == {"arousal": 1.0, "valence": 1.0}
    assert json.dumps(figures)
    assert "**memory**" in markdown(study, figures)


def test_a_study_cut_off_walks_only_what_is_missing(conducted, tmp_path):
    study, out = conducted
    condition = study.conditions[0]
    paths = {row.name: place(out, "development", condition, row) for row in study.walked(condition)}
    kept = {name: path.stat().st_mtime_ns for name, path in paths.items()}
    before = load_file(paths["memory"])
    paths["memory"].unlink()
    conduct(study, out, final=False)
    after = load_file(paths["memory"])
    assert all(np.array_equal(before[name], after[name], equal_nan=True) for name in before)
    now = {name: path.stat().st_mtime_ns for name, path in paths.items()}
    assert [name for name in kept if kept[name] != now[name]] == ["memory"]


def test_a_row_that_was_changed_is_walked_anew(conducted):
    study, out = conducted
    other = evolve(study.rows[1], memory={"use": "knn", "nearest": 1})
    changed = evolve(study, rows=(study.rows[0], other, *study.rows[2:]))
    before = load(out, "development", study.conditions[0], other)
    conduct(changed, out, final=False)
    after = load(out, "development", study.conditions[0], other)
    assert not np.array_equal(before["memory"], after["memory"])
    conduct(study, out, final=False)


def test_a_row_whose_checkpoint_was_trained_anew_is_walked_anew(tmp_path):
    checkpoint, out = tmp_path / "pk.safetensors", tmp_path / "out"
    checkpoint.write_bytes(BUNDLED.read_bytes())
    encoder = f"encoder={{ use = 'pk', checkpoint = '{checkpoint}' }}"
    study = read(written(tmp_path, tiny(rows=["PK"])), [encoder])
    record_ = place(out, "development", study.conditions[0], study.rows[0])
    times = []
    for content in (BUNDLED.read_bytes(), None, BUNDLED.read_bytes()):
        if content:
            checkpoint.write_bytes(content)
        conduct(study, out, final=False)
        times.append(record_.stat().st_mtime_ns)
    assert times[0] == times[1] < times[2]


def test_a_memory_that_is_taught_by_edits_may_be_fresh_at_each_visit(tmp_path):
    text = tiny(rows=["PK", "memory"]).replace("strength = 0.6", "strength = 0.6, visits = 2")
    text = text.replace('name = "memory"', 'name = "memory"\ncontrol = "fresh"')
    study = read(written(tmp_path, text))
    conduct(study, tmp_path / "out", final=False)
    found = load(tmp_path / "out", "development", study.conditions[0], study.rows[1])
    assert found["clip"].tolist() == [0, 1]


def test_a_memory_may_be_started_by_the_mean_of_faces(tmp_path):
    study = read(
        written(tmp_path, tiny(rows=["PK", "memory"])), ["start.of=mean", "start.frames=2"]
    )
    conduct(study, tmp_path / "out", final=False)
    found = load(tmp_path / "out", "development", study.conditions[0], study.rows[1])
    assert np.isfinite(found["memory"]).all()


def test_a_damaged_record_is_walked_anew_and_never_scored(conducted):
    study, out = conducted
    condition, row = study.conditions[0], study.rows[0]
    path = place(out, "development", condition, row)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="no whole record"):
        load(out, "development", condition, row)
    conduct(study, out, final=False)
    load(out, "development", condition, row)


def test_another_folder_is_left_alone(tmp_path):
    study = read(written(tmp_path))
    with pytest.raises(InputError, match="not empty"):
        conduct(study, tmp_path, final=False)


# --- who walks it -------------------------------------------------------------------------------


def test_it_is_walked_by_as_many_processes_as_there_are_cores_unless_it_says_otherwise(tmp_path):
    path = written(tmp_path, f"{TOML}[runtime]\nthreads = 2\n")
    assert read(path).runtime.config == JoblibConfig(workers=cores(), threads=2)
    assert read(path, ["runtime.workers=3"]).runtime.config == JoblibConfig(3, threads=2)
    assert read(path, ["runtime.backend=dask"]).runtime.config == DaskConfig()


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A study's file, of several small conditions."""
    text = tiny().replace("every = 40", "every = 8, seconds = 6.0").replace("seconds = 1.0, ", "")
    more = "".join(
        f'[[conditions]]\nname = "{one}"\ndataset = {{ strength = 0.{one} }}\n' for one in range(4)
    )
    return written(tmp_path_factory.mktemp("several"), f"{text}\n{more}")


@pytest.fixture(scope="module")
def serial(several):
    """What of it one process has walked, by file."""
    out = several.parent / "serial"
    conduct(read(several, ["runtime.workers=1"]), out, final=False)
    return kept(out)


def kept(out):
    """The bits of all arrays, by file."""
    return {
        path.name: {name: one.tobytes() for name, one in load_file(path).items()}
        for path in out.glob("development/*.safetensors")
    }


def test_two_processes_that_are_interrupted_go_on_and_say_the_same_bit_for_bit(
    several, serial, tmp_path
):
    told = []

    def interrupted(_stage, done, of):
        told.append((done, of))
        if done:
            raise KeyboardInterrupt

    study, out = read(several, ["runtime.workers=2"]), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        conduct(study, out, final=False, told=interrupted)
    assert told == [(0, 15), (1, 15)]
    (name,) = kept(out)
    before = (out / "development" / name).stat().st_mtime_ns
    conduct(study, out, final=False, told=lambda _, *it: told.append(it))
    assert told[2:] == [(done, 15) for done in range(1, 16)]
    assert (out / "development" / name).stat().st_mtime_ns == before
    assert kept(out) == serial


def test_dask_says_the_same_bit_for_bit(several, serial, tmp_path):
    study = read(several, ["runtime.backend=dask", "runtime.workers=2"])
    conduct(study, tmp_path / "out", final=False)
    assert kept(tmp_path / "out") == serial


def test_a_condition_whose_process_is_killed_is_walked_again(several, serial, tmp_path):
    out = tmp_path / "out"
    words = [sys.executable, "-m", "affmem", "study", several, "--out", out, "--jobs", 2]
    process = subprocess.Popen([*map(str, words), "--quiet"], stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while not any(out.glob("development/*.safetensors")) and time.monotonic() < end:
        time.sleep(0.01)
    assert len(kept(out)) < len(serial) - 3
    workers = psutil.Process(process.pid).children(recursive=True)
    max(workers, key=lambda one: sum(one.cpu_times()[:2])).kill()
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert kept(out) == serial


def test_from_the_command_line_it_prints_its_tables_and_keeps_them(tmp_path):
    path = written(tmp_path)
    run = [sys.executable, "-m", "affmem", "study", path, "--out", tmp_path / "out", "--final"]
    done = subprocess.run([str(one) for one in run], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "out" / "study.json").read_text())
    assert set(figures["final"]["strong"]["gain"]["valence"]) == {"ccc", "low", "high"}
    assert "### final: strong" in done.stdout
    assert done.stdout.startswith((tmp_path / "out" / "study.md").read_text())


@pytest.mark.parametrize("chosen", ["memory", "PK"])
def test_what_is_undefined_is_null_and_has_its_picture(tmp_path, chosen):
    text = tiny().replace('chosen = "memory"', f'chosen = "{chosen}"')
    done = affmem("study", written(tmp_path, text), "--out", tmp_path / "out", "--jobs", 1)
    assert done.exit_code == 0, done.exception
    found = json.loads(
        (tmp_path / "out" / "study.json").read_text(),
        parse_constant=lambda name: pytest.fail(f"{name} is no JSON"),
    )["development"]["strong"]
    assert found["gain"]["arousal"] == {"ccc": None, "low": None, "high": None}
    assert found["confidence"]["arousal"]["rank correlation with error"] is None
    assert (tmp_path / "out" / "gains.svg").exists()


def test_a_condition_without_the_chosen_row_has_its_picture(tmp_path):
    path = written(tmp_path, tiny(rows=["PK", "ceiling"]))
    assert affmem("study", path, "--out", tmp_path / "out").exit_code == 0


def test_where_nobody_comes_twice_there_is_no_later_clip_to_score(tmp_path):
    result = affmem("study", written(tmp_path, tiny(later=True)), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "no frame of a person's second or later clip" in result.stderr


def test_rows_of_like_names_are_scored_apart(tmp_path):
    text = (
        TOML
        + """
[[rows]]
name = "memory, other"
memory = { use = "personal" }
[[conditions]]
name = "strong, memory"
rows = ["PK", "memory"]
"""
    )
    study = read(written(tmp_path, text.replace('name = "told"', 'name = "other"')))
    cells = [(one, row) for one in study.conditions for row in study.walked(one)]
    assert len({place(tmp_path, "development", *cell) for cell in cells}) == len(cells)


def bounds(figures):
    """The two bounds of every interval in there."""
    if isinstance(figures, dict):
        if "low" in figures:
            yield figures["low"], figures["high"]
        figures = list(figures.values())
    for one in figures if isinstance(figures, list) else ():
        yield from bounds(one)


@pytest.mark.parametrize(("resamples", "alike"), [(1, True), (50, False)])
def test_every_interval_is_of_as_many_resamples_as_are_asked_for(tmp_path, resamples, alike):
    study = evolve(read(written(tmp_path)), resamples=resamples)
    rng = np.random.default_rng(0)
    persons = np.repeat(np.arange(12), 5)
    truth = rng.uniform(-1, 1, (60, 2)).astype(np.float32)
    (tmp_path / "development").mkdir()
    for row in study.walked(study.conditions[0]):
        read_ = rng.uniform(-1, 1, (60, 2)).astype(np.float32)
        arrays = {
            "person": persons, "clip": persons, "time": np.tile(np.arange(5.0), 12),
            "face": np.ones(60, bool), "activation": rng.uniform(0, 1, 60).astype(np.float32),
            "truth": truth, "pk": read_, "memory": read_,
        }  # fmt: skip
        save_file(arrays, place(tmp_path, "development", study.conditions[0], row))
    found = verdict(study, tmp_path, final=False)["development"]["strong"]
    del found["rows"][0]["gain"]  # over itself
    for part in ("rows", "confidence", "over time"):
        pairs = [*bounds(found[part])]
        assert pairs
        assert {low == high for low, high in pairs} == {alike}, part


def test_what_the_memory_adds_to_its_own_reader_has_an_interval(conducted):
    study, out = conducted
    nobody = evolve(study.rows[2], name="told", control="nobody")
    rows = (*study.rows[:2], nobody, *study.rows[3:])
    conduct(evolve(study, rows=rows), out, final=False)
    found = verdict(evolve(study, rows=rows), out, final=False)["development"]["strong"]
    by_name = {row["name"]: row for row in found["rows"]}
    apart = by_name["memory"]["valence"]["ccc"] - by_name["told"]["valence"]["ccc"]
    assert found["gain over knowing nobody"]["valence"]["ccc"] == pytest.approx(apart, abs=2e-4)
    assert found["gain over knowing nobody"]["valence"]["low"] is not None
    conduct(study, out, final=False)


def test_the_experiments_metrics_are_not_what_gains_are_in(conducted):
    study, out = conducted
    other = evolve(study, experiment={**study.experiment, "metrics": [{"use": "rmse"}]})
    assert verdict(other, out, final=False) == verdict(study, out, final=False)


# --- nothing looks ahead, and nothing at the answers --------------------------------------------


def stations(memory, **start):
    tables = {
        "dataset": {"use": "acted", "persons": 2, "seconds": 12.0, "every": 10, "lost": 0.1},
        "faces": {"use": "none"},
        "memory": {"use": memory},
        "start": {"frames": 1, "edits": 9, "epochs": 1, **start},
    }
    experiment = structure(tables, Experiment)
    return build(experiment, Runtime(seed=3))[0]


class Changed:
    """Frames as they are until some time, and others from then on; or with other labels."""

    unit = "frame"

    def __init__(self, dataset, after=np.inf, labels=None):
        self._dataset, self._after, self._labels = dataset, after, labels

    def clips(self):
        return self._dataset.clips()

    def notes(self):
        return ()

    def frames(self, clip):
        rng = np.random.default_rng(0)
        for frame in self._dataset.frames(clip):
            image, affect = frame.image, frame.affect
            if frame.time >= self._after:
                image = rng.integers(0, 256, (96, 96, 3), np.uint8)
            if self._labels is not None:
                affect = Affect(*self._labels.uniform(-1, 1, 2))
            yield Frame(frame.time, image, affect)


@pytest.mark.parametrize("memory", ["gwr", "gamma-gwr", "gng", "knn", "personal"])
def test_frames_to_come_change_no_reading(memory):
    found = stations(memory)
    first = [step for step in walk(found, {}) if step.clip.name.startswith("person_0000")]
    later = evolve(found, dataset=Changed(found.dataset, after=6.0))
    second = [step for step in walk(later, {}) if step.clip.name.startswith("person_0000")]
    before = [i for i, step in enumerate(first) if step.time < 6.0 and step.memory]
    after = [i for i, step in enumerate(first) if step.time >= 6.5 and step.memory]
    assert len(before) > 10

    def read_of(steps, places):
        return np.array([(steps[i].memory.arousal, steps[i].memory.valence) for i in places])

    assert np.allclose(read_of(first, before), read_of(second, before), atol=1e-5)
    assert not np.allclose(read_of(first, after), read_of(second, after), atol=1e-2)


@pytest.mark.parametrize("memory", ["gwr", "gamma-gwr", "gng", "knn", "personal"])
def test_other_labels_change_no_reading(memory):
    found = stations(memory)
    blind = evolve(found, dataset=Changed(found.dataset, labels=np.random.default_rng(1)))
    one, other = (record(list(walk(each, {}))) for each in (found, blind))
    assert not np.allclose(one["truth"], other["truth"])
    assert np.array_equal(one["memory"], other["memory"])
    assert np.array_equal(one["pk"], other["pk"])


def test_against_labels_that_are_shuffled_a_memory_scores_as_chance():
    from affmem_metrics.agreement import CCC

    found = record(list(walk(stations("personal"), {})))
    rng = np.random.default_rng(0)
    scores = [
        CCC()(rng.permutation(found["truth"][:, 1]), found["memory"][:, 1]) for _ in range(200)
    ]
    assert abs(np.mean(scores)) < 0.02
    assert CCC()(found["truth"][:, 1], found["memory"][:, 1]) > np.quantile(scores, 0.99)


# --- controls -----------------------------------------------------------------------------------


def taped(memory, **start):
    found = stations(memory, frames=0, **start)
    tape = Tape(found.dataset, found.faces, found.encoder, found.editor, 0)
    return evolve(found, dataset=tape, faces=tape, encoder=tape, editor=tape)


def readings(found, memory, person):
    """What a memory says of all faces of a person, having learnt none of them here."""
    clip = next(clip for clip in found.dataset.clips() if clip.person == person)
    frames = list(found.dataset.frames(clip))
    faces = [face for face in found.faces.find(one.image for one in frames) if face is not None]
    return memory.predict(found.encoder.encode(np.stack(faces))).affects


def test_who_knows_nobody_reads_everyone_as_at_first():
    found = taped("personal")
    steps = list(shown("nobody", found))
    assert np.array_equal(record(steps)["pk"], record(list(walk(found, {})))["pk"])
    for name in ("person_0000", "person_0001"):
        read = readings(found, found.memory.build(Runtime()), name)
        own = [step for step in steps if step.face and step.clip.person == name]
        assert np.allclose([step.memory.valence for step in own], read[:, 1], atol=1e-5)


def test_a_memory_of_another_person_is_that_persons():
    found = taped("personal")
    people = {}
    list(walk(found, people))
    said = [step for step in shown("stranger", found) if step.face]
    others = [people["person_0001"], people["person_0000"]]
    for name, other in zip(("person_0000", "person_0001"), others, strict=True):
        own = [step for step in said if step.clip.person == name]
        read = readings(found, other.memory, name)
        assert np.allclose([step.memory.valence for step in own], read[:, 1], atol=1e-5)


def test_shuffled_frames_are_the_same_frames():
    found = taped("personal")
    one, other = record(list(walk(found, {}))), record(list(shown("shuffled", found)))
    assert not np.array_equal(one["time"], other["time"])
    assert sorted(one["time"]) == sorted(other["time"])
    assert np.allclose(np.sort(one["truth"], axis=0), np.sort(other["truth"], axis=0))


def test_told_the_truth_it_says_the_truth_of_what_it_was_told():
    found = evolve(taped("knn"), memory=structure(
        {"dataset": {"use": "drawn"}, "memory": {"use": "knn", "nearest": 1}}, Experiment
    ).memory.config)  # fmt: skip
    said = [step for step in shown("told", found) if step.face]
    for name in ("person_0000", "person_0001"):
        own = [step for step in said if step.clip.person == name]
        told = [step.truth for step in own]
        for count, step in enumerate(own[1:], 1):
            read_ = step.memory.arousal, step.memory.valence
            known = [(one.arousal, one.valence) for one in told[:count]]
            assert np.isclose(read_, known, atol=1e-5).all(axis=1).any()


def test_fresh_at_each_clip_nothing_is_kept_from_the_clip_before():
    tables = {
        "dataset": {"use": "acted", "persons": 1, "visits": 2, "seconds": 6.0, "every": 25},
        "faces": {"use": "none"},
        "memory": {"use": "personal"},
        "start": {"frames": 0},
    }
    found = build(structure(tables, Experiment), Runtime(seed=3))[0]
    kept, fresh = list(walk(found, {})), list(shown("fresh", found))
    assert [step.clip for step in kept] == [step.clip for step in fresh]
    visits = [step.clip.name.rpartition("/")[2] for step in kept]
    first = [i for i, visit in enumerate(visits) if visit == "visit_0"]
    second = [i for i, visit in enumerate(visits) if visit == "visit_1"]
    assert [kept[i].memory for i in first] == [fresh[i].memory for i in first]
    assert [kept[i].memory for i in second] != [fresh[i].memory for i in second]


@given(st.integers(2, 40), st.integers(0, 100))
def test_the_ceiling_is_at_least_as_near_as_the_readings(count, seed):
    rng = np.random.default_rng(seed)
    read_, truth = rng.uniform(-1, 1, (2, count, 2)).astype(np.float32)
    persons = rng.integers(0, 3, count)
    said = derived("ceiling", read_, truth, persons)
    assert ((said - truth) ** 2).mean() <= ((read_ - truth) ** 2).mean() + 1e-6


def test_the_ceiling_needs_no_label_of_every_frame():
    read_ = np.float32([[0, 0], [0.5, 0.5], [1, 1], [0.2, 0.2]])
    truth = np.where(np.arange(4)[:, None] < 3, read_ / 2, np.float32(np.nan))
    said = derived("ceiling", read_, truth, np.zeros(4, np.int64))
    assert np.allclose(said, read_ / 2)
    unknown = derived("ceiling", read_, np.full((4, 2), np.nan, np.float32), np.zeros(4, np.int64))
    assert np.array_equal(unknown, read_)


@given(st.integers(1, 30), st.sampled_from(["mean", "average"]))
def test_controls_without_a_memory_do_not_look_ahead_either(cut, control):
    rng = np.random.default_rng(cut)
    read_, truth = rng.uniform(-1, 1, (2, 31, 2)).astype(np.float32)
    other = read_.copy()
    other[cut:] = np.roll(read_[cut:], 1, axis=0)  # the mean over everyone stays
    one, two = (derived(control, each, truth, np.zeros(31, np.int64)) for each in (read_, other))
    assert np.allclose(one[:cut], two[:cut], atol=1e-6)


@given(st.integers(0, 50), st.floats(0.05, 0.5))
def test_calibrated_intervals_hold_as_often_as_they_say(seed, size):
    rng = np.random.default_rng(seed)
    sure = rng.uniform(0.5, 0.95, 4000).astype(np.float32)
    error = np.abs(size * (1 - sure) * rng.standard_normal(4000)).astype(np.float32)
    factor = calibrated(error[:2000], sure[:2000])
    assert (error[2000:] <= factor * (1 - sure[2000:])).mean() == pytest.approx(0.9, abs=0.04)


def test_a_study_that_is_wrong_in_several_places_says_so_in_as_many_lines(tmp_path):
    text = TOML.replace('chosen = "memory"', 'chosen = "none"').replace("seed = 6", "seed = 5")
    with pytest.raises(ExperimentError) as raised:
        read(written(tmp_path, text))
    assert len(raised.value.lines) == 2
