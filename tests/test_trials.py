"""A study goes on where it was cut off, tells no figure that a run would not, and says mistakes."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
from attrs import evolve

import postgres
from affmem.errors import ExperimentError, InputError, UserError
from affmem.experiment import Experiment, load
from affmem.ledger import joined
from affmem.run import run
from affmem.trials import FIRST, tune
from affmem.tuning import Range, read

EXAMPLE = Path(__file__).parents[1] / "examples" / "tune-memory.toml"
SMALL = """
resamples = 10
gallery = 0
[dataset]
use = "drawn"
persons = 5
faces_per_person = 3
[faces]
use = "none"
[report]
use = "html"
[start]
edits = 10
frames = 2
epochs = 2
[memory]
use = "gwr"
activity_threshold = 0.6
"""
DRAWN = 'use = "drawn"\npersons = 5\nfaces_per_person = 3'
TUNING = """
experiment = "small.toml"
trials = 16
[dataset]
persons = 4
[settings]
memory.use = ["gwr", "gng"]
"memory.activity_threshold" = { low = 0.3, high = 0.95 }
"memory.interval" = { low = 2, high = 40, log = true }
"memory.learning_rate_neighbour" = { low = 0.0, high = 0.01, step = 0.002 }
"memory.novelty" = [true, false]
"start.epochs" = [1, 2, 3]
"""


@pytest.fixture
def write(tmp_path):
    def write(text=TUNING, experiment=SMALL):
        (tmp_path / "small.toml").write_text(experiment)
        (tmp_path / "tune.toml").write_text(text)
        return tmp_path / "tune.toml"

    return write


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    (folder / "small.toml").write_text(SMALL)
    (folder / "tune.toml").write_text(TUNING)
    tuning = read(folder / "tune.toml")
    return tuning, folder / "out", tune(tuning, folder / "out")


def rows(out):
    """The table of trials, less what no seed decides: the time."""
    with (out / "trials.csv").open() as table:
        return [{key: row[key] for key in row if key != "seconds"} for row in csv.DictReader(table)]


def test_the_example_tunes_on_the_split_that_is_in_no_figure():
    tuning = read(EXAMPLE)
    assert tuning.dataset.config.split == "validation"
    assert tuning.experiment.dataset.config.split == "test"
    assert tuning.settings[0].name == "memory.use"
    whole = {one.name for one in tuning.settings if one.whole}
    assert whole == {"memory.max_age", "memory.interval", "start.epochs"}


def test_a_study_keeps_what_was_asked_what_was_tried_and_the_best(done):
    tuning, out, figures = done
    assert {path.name for path in out.iterdir()} == {
        "tune.toml", "experiment.toml", "optuna.journal", "trials.csv", "best.toml", "study.html",
    }  # fmt: skip
    assert len(rows(out)) == 16 == figures["complete"] + figures["pruned"]
    assert load(out / "experiment.toml") == tuning.experiment
    best = load(out / "best.toml")
    assert isinstance(best, Experiment)
    assert best.dataset == tuning.experiment.dataset
    settings = figures["best"][0]["settings"]
    assert best.memory.use == settings["memory.use"]
    assert best.start.epochs == settings["start.epochs"]
    assert best.memory.config.activity_threshold == settings["memory.activity_threshold"]
    json.dumps(figures, allow_nan=False)


def test_every_value_lies_where_it_was_asked_for_and_only_parts_that_have_it_get_it(done):
    _, out, _ = done
    for row in rows(out):
        assert 0.3 <= float(row["memory.activity_threshold"]) <= 0.95
        assert round(float(row["memory.learning_rate_neighbour"]) / 0.002, 6) in range(6)
        assert row["start.epochs"] in ("1", "2", "3")
        assert (row["memory.interval"] == "") == (row["memory.use"] == "gwr")
        assert (row["memory.novelty"] == "") == (row["memory.use"] == "gng")
        assert row["memory.interval"] == "" or int(row["memory.interval"]) in range(2, 41)


def test_the_figures_are_those_of_a_run(done, tmp_path):
    _, out, figures = done

    def mean(path):
        found = run(load(path, ["dataset.persons=4"]), tmp_path / path.stem).metrics["systems"]
        return sum(found["p-affmem"][one]["ccc"] for one in ("arousal", "valence")) / 2

    assert mean(out / "best.toml") == pytest.approx(figures["best"][0]["value"], abs=1e-6)
    assert mean(out / "experiment.toml") == pytest.approx(figures[FIRST], abs=1e-6)


def test_cut_off_at_any_trial_a_study_goes_on_as_if_it_had_not_been(done, tmp_path):
    tuning, out, figures = done
    other = tmp_path / "out"

    def cut(at):
        def told(stage, done, _of):
            if stage == "tuning" and done == at:
                raise KeyboardInterrupt

        return told

    for at in (3, 11):
        with pytest.raises(KeyboardInterrupt):
            tune(tuning, other, cut(at))
        assert len(rows(other) if at else []) == at
        with (other / "optuna.journal").open("ab") as journal:  # a trial begun, and half a line
            journal.write(b'{"op_code":4,"worker_id":"x","study_id":0,"datetime_start":null}\n{"op')
    assert tune(tuning, other) == figures
    assert rows(other) == rows(out)


def test_killed_at_any_moment_the_same_command_goes_on(done, tmp_path):
    _, out, _ = done
    words = [sys.executable, "-m", "affmem", "tune", str(out.parent / "tune.toml"), "--quiet"]
    words += ["--out", str(tmp_path / "out")]
    process = subprocess.Popen(words)
    deadline = time.monotonic() + 60
    while not (tmp_path / "out" / "best.toml").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert 0 < len(rows(tmp_path / "out")) < 16
    assert subprocess.run(words, check=False).returncode == 0
    assert rows(tmp_path / "out") == rows(out)


def test_a_finished_study_tries_nothing_more_and_more_trials_go_on(done, tmp_path):
    tuning, out, figures = done
    copy = shutil.copytree(out, tmp_path / "out")
    before = rows(copy)
    assert tune(tuning, copy) == figures
    assert rows(copy) == before
    more = read(out.parent / "tune.toml", ["trials=18"])
    tune(more, copy)
    assert rows(copy)[:16] == before
    assert len(rows(copy)) == 18


def test_a_folder_of_another_study_is_left_alone(done, tmp_path):
    _, out, _ = done
    before = {path: path.read_bytes() for path in out.iterdir()}
    for other in ("seed=2", "goal=gain", "memory.max_age=7", "dataset.persons=3"):
        with pytest.raises(InputError, match="another tuning"):
            tune(read(out.parent / "tune.toml", [other]), out)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        tune(read(out.parent / "tune.toml"), tmp_path)


def test_trials_that_lag_are_given_up_unless_told_not_to(done, write, tmp_path):
    _, out, figures = done
    pruned = [row for row in rows(out) if row["state"] == "pruned"]
    assert len(pruned) == figures["pruned"] > 0
    assert all("behind half of the others after" in row["why"] for row in pruned)
    tuning = read(write(TUNING), ["prune=false", "trials=8"])
    assert tune(tuning, tmp_path / "out")["pruned"] == 0


def test_settings_that_clash_are_given_up_with_the_reason(write, tmp_path):
    text = "[settings]\nmemory.kappa = [1.0, 1.2]\nmemory.tau_bmu = [0.5, 0.9]"
    tuning = read(write(TUNING.partition("[settings]")[0] + text), ["trials=8", "prune=false"])
    tune(tuning, tmp_path / "out")
    for row in rows(tmp_path / "out"):
        clash = (row["memory.kappa"], row["memory.tau_bmu"]) == ("1.2", "0.9")
        assert clash == (row["state"] == "pruned") == ("'kappa' must be" in row["why"])


def test_the_gain_is_tuned_and_where_lower_is_better_less(write, tmp_path):
    lower = SMALL + '[[metrics]]\nuse = "rmse"\n'
    tuning = read(write(TUNING, lower), ["goal=gain", "trials=4"])
    figures = tune(tuning, tmp_path / "out")
    values = [trial["value"] for trial in figures["best"]]
    assert values == sorted(values)
    assert figures["goal"].startswith("gain in RMSE")


def test_the_page_is_one_file_that_needs_no_network(done):
    _, out, _ = done
    page = (out / "study.html").read_text()
    assert "Plotly.newPlot" in page
    assert "<script src=" not in page
    assert "Importances are told from 20 complete trials on" in page


def test_unlabelled_persons_are_no_ground_to_tune_on(write, tmp_path):
    from PIL import Image

    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("file\na.png\n")
    experiment = SMALL.replace(DRAWN, 'use = "folder"\nroot = "."')
    tuning = read(write(TUNING.replace("persons = 4", ""), experiment))
    with pytest.raises(UserError, match=r'the goal is undefined for dataset "folder"'):
        tune(tuning, tmp_path / "out")


def test_without_optuna_one_line_says_how_to_get_it(write, tmp_path, monkeypatch):
    tuning = read(write())
    for name in [name for name in sys.modules if name.partition(".")[0] == "optuna"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UserError, match=r"pip install affmem\[tune\]"):
        tune(tuning, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_tunes_upstream_is_walked_anew_and_ends_the_same(write, tmp_path):
    text = TUNING.partition("[settings]")[0] + "[settings]\nencoder.batch = [7, 256]\n"
    tuning = read(write(text), ["trials=4"])
    figures = tune(tuning, tmp_path / "out")
    by = {}
    for row in rows(tmp_path / "out"):
        by.setdefault(row["encoder.batch"], set()).add(row["value"])
    assert sorted(map(len, by.values())) == [1, 1]
    assert by["256"] == {str(figures[FIRST])}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('experiment = "small.toml"', "", "experiment: expected a path, as a string"),
        ('"small.toml"', '"nowhere.toml"', "nowhere.toml: no such file"),
        ("trials = 16", "trials = 0", "trials: 'trials' must be >= 1: 0"),
        ("trials = 16", "trails = 16", "no table or key 'trails'; did you mean 'trials'?"),
        ("trials = 16", 'goal = "gian"', "goal: no choice 'gian'; did you mean 'gain'?"),
        ("[dataset]\npersons = 4", "", "dataset: expected a table that says whom to tune on"),
        ("persons = 4", "person = 4", "dataset.person: no setting 'person'; did you mean"),
        ("[settings]", "[setings]", "no table or key 'setings'; did you mean 'settings'?"),
        (TUNING.partition("[settings]")[2], "", "settings: expected a table [settings]"),
        ('["gwr", "gng"]', '["gwr", "gngg"]', "memory.use: no memory 'gngg'; did you"),
        ('["gwr", "gng"]', '"gwr"', "memory.use: expected a list of choices, got 'gwr'"),
        ('["gwr", "gng"]', '["gwr", "gwr"]', "memory.use: 'gwr' stands there twice"),
        ('"memory.activity', '"memry.activity', "'memry'; did you mean 'memory'?"),
        ('"memory.activity', '"dataset.activity', "no table that can be tuned 'dataset'"),
        ('"memory.activity', '"reader.activity', "the experiment has no [reader] of its own"),
        ('threshold" = {', 'treshold" = {', "did you mean 'activity_threshold'?"),
        ("high = 0.95", "high = 1.5", "high: memory: 'activity_threshold' must be <= 1.0: 1.5"),
        ("low = 0.3", "low = 0", "low: memory: 'activity_threshold' must be > 0.0: 0"),
        ("low = 0.3", "lo = 0.3", "memory.activity_threshold: lo: no setting 'lo'; did you mean"),
        ("low = 0.3", "low = 0.96", "'high' must be > 'low' (0.96): 0.95"),
        ("low = 0.3", 'low = "a"', "activity_threshold: low: expected a number, got 'a'"),
        ("low = 2,", "low = 2.5,", "low: memory.interval: expected a whole number, got 2.5"),
        ("low = 2,", "low = -2,", "'low' must be > 0 where 'log' is true: -2"),
        ("step = 0.002", "step = 0.003", "must be 'low' and a whole number of steps of 0.003"),
        ("log = true", "log = true, step = 2", "'step' makes no sense where 'log' is true"),
        ("log = true", "step = 0.5", "interval: step: expected a whole number, got 0.5"),
        ("[true, false]", "{ low = 0, high = 1 }", "novelty: expected a list of choices"),
        ("[true, false]", '["true"]', "memory.novelty: expected true or false, got 'true'"),
        ("[1, 2, 3]", "[]", "start.epochs: expected { low = …, high = … } or a list, got []"),
        ("[1, 2, 3]", "[0]", "start.epochs: start: 'epochs' must be >= 1: 0"),
        ('"start.epochs"', '"start.use"', "no setting 'use'; known: by, edits, epochs"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(write, old, new, told):
    assert old in TUNING
    path = write(TUNING.replace(old, new, 1))
    with pytest.raises(UserError) as caught:
        read(path)
    assert told in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert isinstance(caught.value, ExperimentError | InputError)


def test_all_mistakes_are_said_at_once(write):
    text = TUNING.replace("trials = 16", "trials = 0").replace("high = 0.95", "high = 2")
    with pytest.raises(ExperimentError) as caught:
        read(write(text.replace("[1, 2, 3]", "[0]").replace("[true, false]", "[1]")))
    assert len(caught.value.lines) == 4


def test_an_unquoted_key_means_the_same(write):
    quoted = read(write(TUNING.replace("memory.use =", '"memory.use" =')))
    assert quoted.settings == read(write(TUNING)).settings
    assert quoted.settings[1].values == Range(0.3, 0.95)


def test_a_test_split_is_tuned_on_by_those_who_insist_alone(write):
    omg = SMALL.replace(DRAWN, 'use = "omg"')
    path = write(TUNING.replace("persons = 4", ""), omg)
    with pytest.raises(ExperimentError, match=r'dataset.split: "test" is for figures'):
        read(path)
    assert read(path, ["dataset.split=validation"]).dataset.config.split == "validation"
    assert read(path, ["dataset.split=test"]).dataset.config.split == "test"


def test_overrides_reach_the_experiment_and_a_dataset_both(write):
    tuning = read(write(), ["start.edits=7", "trials=3", "dataset.persons=2"])
    assert (tuning.trials, tuning.experiment.start.edits) == (3, 7)
    assert tuning.dataset.config.persons == tuning.experiment.dataset.config.persons == 2
    assert tuning.dataset.config.faces_per_person == 3


def test_other_experiments_are_told_their_command(write):
    examples = EXAMPLE.parent
    for other in ("pk-drawn.toml", "table2.toml"):
        path = write(TUNING.replace("small.toml", str(examples / other)))
        with pytest.raises(ExperimentError, match="is not for `affmem run`"):
            read(path)
    with pytest.raises(InputError, match="is for `affmem tune`"):
        load(EXAMPLE)


# --- shared by several processes --------------------------------------------------------------

MARK = "swordfish"
QUICK = ["memory.use=knn", "prune=false", "start.by=codes"]


@pytest.fixture
def url(server):
    """A new database."""
    return postgres.database(server[0], uuid4().hex)


@pytest.fixture
def quick(write, url):
    """A tuning in that database that compiles nothing, and begins a process that joins it."""
    settings = '"memory.nearest" = { low = 1, high = 20 }\n"start.edits" = { low = 4, high = 9 }'
    path = write(TUNING.partition("[settings]")[0] + "[settings]\n" + settings)
    words = [*QUICK, f"storage={url}"]

    def joins(out, *more, database=url):
        asked = [f"--set={one}" for one in (*QUICK, f"storage={database}", *more)]
        command = [sys.executable, "-m", "affmem", "tune", str(path), "--out", str(out), *asked]
        return subprocess.Popen(
            command, env={**os.environ, "PGPASSWORD": MARK}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    return (lambda *more: read(path, [*words, *more])), joins


def study(url, name="tune"):
    import optuna
    from optuna.storages import RDBStorage

    storage = RDBStorage(url.replace("postgresql:", "postgresql+psycopg:"))
    yield optuna.load_study(study_name=name, storage=storage)
    storage.remove_session()
    storage.engine.dispose()


def states(url):
    """How many of the study's trials are in which state."""
    with contextmanager(study)(url) as found:
        return Counter(trial.state.name for trial in found.trials)


def refused(tuning, out):
    """The line that it is refused in; there is nothing in its folder then."""
    with pytest.raises(UserError) as error:
        tune(tuning, out)
    assert not out.exists()
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_one_process_finds_in_a_database_what_it_finds_in_a_journal(done, url, tmp_path):
    _, out, figures = done
    tuning = read(out.parent / "tune.toml", [f"storage={url}"])
    assert tune(tuning, tmp_path / "out") == figures
    assert rows(tmp_path / "out") == rows(out)
    assert f'storage = "{url}"\nname = "tune"' in (tmp_path / "out" / "tune.toml").read_text()
    assert not (tmp_path / "out" / "optuna.journal").exists()


def test_processes_share_a_study_and_each_trial_is_one_s(quick, url, tmp_path):
    tuning, joins = quick
    with joins(tmp_path / "a") as one, joins(tmp_path / "b") as other:
        said = one.communicate()[0] + other.communicate()[0]
    assert (one.returncode, other.returncode) == (0, 0), said
    assert states(url) == {"COMPLETE": 16}
    assert [row["trial"] for row in rows(tmp_path / "a")] == [str(number) for number in range(16)]
    tune(evolve(tuning("trials=10"), storage=None), tmp_path / "c")
    assert rows(tmp_path / "c") == rows(tmp_path / "a")[:10]  # TPE has not begun yet
    assert tune(tuning(), tmp_path / "d")["complete"] == 16
    assert rows(tmp_path / "a") == rows(tmp_path / "b") == rows(tmp_path / "d")
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(texts) > 20
    assert not [text for text in (*texts, said) if MARK in text]


def test_another_process_tries_again_what_one_that_is_killed_was_at(quick, url, tmp_path):
    tuning, joins = quick
    asked = ("trials=12", "start.by=pixels")  # it is amid a trial most of the time
    with joins(tmp_path / "a", *asked) as process:

        def told(stage, done, _of):
            while stage == "tuning" and done > 2 and process.poll() is None:
                process.send_signal(signal.SIGSTOP)
                if states(url)["RUNNING"]:
                    process.kill()
                    process.wait()
                process.send_signal(signal.SIGCONT)
                time.sleep(0.01)

        while not (tmp_path / "a" / "best.toml").exists() and process.poll() is None:
            time.sleep(0.01)
        assert tune(tuning(*asked), tmp_path / "b", told)["complete"] == 12
    assert process.returncode == -signal.SIGKILL
    assert states(url) == {"COMPLETE": 12, "FAIL": 1}
    assert [row["trial"] for row in rows(tmp_path / "b")] == [str(number) for number in range(12)]


def soon_abandoned(ledger, number):
    """A server takes a moment to see that a connection has ended."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with ledger.turn():
            if ledger.abandoned(number):
                return True
        time.sleep(0.01)
    return False


def test_a_trial_is_held_as_long_as_its_process_lives(url):
    with joined(url, "x") as mine:
        with joined(url, "x") as its, its.turn():
            its.hold(0)
        assert soon_abandoned(mine, 0)
        with joined(url, "x") as its:
            with its.turn():
                its.hold(1)
            with mine.turn():
                mine.hold(3)
                assert [mine.abandoned(number) for number in (0, 1, 2)] == [True, False, True]
            with its.turn():
                assert its.abandoned(2)
                assert not its.abandoned(3)
        assert soon_abandoned(mine, 1)


def test_a_process_whose_trial_was_called_failed_ends_in_a_line(quick, url, tmp_path):
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    def fail():
        with contextmanager(study)(url) as found:
            while not any(trial.state == TrialState.FAIL for trial in found.trials):
                for trial in found.get_trials(states=(TrialState.RUNNING,)):
                    with suppress(ValueError, UpdateFinishedTrialError):  # it was over by then
                        found.tell(trial.number, state=TrialState.FAIL)

    tuning, _ = quick
    tune(tuning("trials=1", "start.by=pixels"), tmp_path / "a")
    other = Thread(target=fail)
    other.start()
    with pytest.raises(UserError, match=f"^{re.escape(url)}: this process was taken for dead"):
        tune(tuning("trials=40", "start.by=pixels"), tmp_path / "a")
    other.join()
    assert states(url)["RUNNING"] == 0


def test_whoever_asks_for_something_else_is_told_what_and_shares_nothing(quick, url, tmp_path):
    tuning, _ = quick
    tune(tuning("trials=1"), tmp_path / "a")
    for other, words in (
        ("seed=7", "study 'tune' is another tuning (seed is 1 there, 7 here)"),
        ("dataset.persons=3", "(dataset.persons is 4 there, 3 here)"),
        ("memory.max_rows=7", "(experiment.memory.max_rows is 10000 there, 7 here)"),
    ):
        line = refused(tuning(other), tmp_path / "b")
        assert line.startswith(f"{url}: ")
        assert words in line
    assert states(url) == {"COMPLETE": 1}
    tune(tuning("seed=7", "trials=1", "name=seven"), tmp_path / "b")
    assert states(url) == {"COMPLETE": 1}


def test_a_machine_that_comes_to_other_figures_does_not_join(quick, url, tmp_path):
    tuning, _ = quick
    tune(tuning("trials=1"), tmp_path / "a")
    with contextmanager(study)(url) as found:
        found.set_user_attr(FIRST, found.user_attrs[FIRST] + 0.02)
    with pytest.raises(UserError, match=r"study 'tune': the experiment as it stands comes to 0\."):
        tune(tuning("trials=2"), tmp_path / "b")
    assert states(url) == {"COMPLETE": 1}


def test_a_study_of_another_program_is_left_alone(quick, url, tmp_path):
    import optuna

    tuning, _ = quick
    place = url.replace("postgresql:", "postgresql+psycopg:")
    other = optuna.create_study(study_name="tune", storage=place)
    other.add_trial(optuna.trial.create_trial(value=1.0))
    assert "study 'tune' is another program's" in refused(tuning(), tmp_path / "a")
    assert len(other.trials) == 1
    other._storage._backend.engine.dispose()


def test_a_server_that_goes_away_is_told_and_the_same_command_goes_on(quick, url, tmp_path):
    import psycopg

    def cut(stage, done, _of):
        if stage == "tuning" and done == 3:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    tuning, _ = quick
    with pytest.raises(UserError) as error:
        tune(tuning("trials=6"), tmp_path / "a", cut)
    assert str(error.value).startswith(f"{url}: ")
    assert len(str(error.value).splitlines()) == 1
    assert tune(tuning("trials=6"), tmp_path / "a")["complete"] == 6
    assert states(url) == {"COMPLETE": 6}


def test_a_server_that_is_not_there_is_told_and_nothing_written(quick, tmp_path):
    _, joins = quick
    with joins(tmp_path / "a", database=f"postgresql://anna@/x?host={tmp_path}") as process:
        said = process.communicate()[0]
    assert process.returncode == 2
    assert said.startswith(f"error: postgresql://anna@/x?host={tmp_path}: ")
    assert "No such file or directory" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("storage=sqlite:///a.sqlite", "'storage' must be postgresql://USER@HOST/DATABASE, not sq"),
        (f"storage=postgres://anna:{MARK}@h/d", "'storage' must be postgresql://USER@HOST/DAT"),
        (f"storage=postgresql://anna:{MARK}@h/d", "storage: 'storage' holds a password"),
        ("storage=7", "storage: expected a string, got 7"),
        ("name=mine", "name: is of a study in a database; expected 'storage' too"),
    ],
)
def test_a_database_that_will_not_do_is_told_without_its_secret(write, given, told):
    with pytest.raises(ExperimentError) as error:
        read(write(), [given])
    assert told in str(error.value)
    assert MARK not in str(error.value)


def test_without_psycopg_one_line_says_how_to_get_it(write, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    tuning = read(write(), ["storage=postgresql://anna@h/d"])
    assert refused(tuning, tmp_path / "out").endswith("pip install affmem[tune,postgres]")


def test_a_journal_without_numbers_goes_on(done, tmp_path):
    """As trials were written before they had a number of their own."""
    _, out, _ = done
    copy = shutil.copytree(out, tmp_path / "out")
    lines = (copy / "optuna.journal").read_text().splitlines(keepends=True)
    old = [line for line in lines if '"user_attr":{"trial":' not in line]
    assert len(lines) - len(old) == 16
    (copy / "optuna.journal").write_text("".join(old))
    tune(read(out.parent / "tune.toml", ["trials=17"]), copy)
    assert rows(copy)[:16] == rows(out)
    assert rows(copy)[16]["trial"] == "16"
