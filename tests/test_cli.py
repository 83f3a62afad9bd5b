"""The command line as a stranger meets it: a process, its output, its exit code."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from affmem.emotions import PLACES

REPO = Path(__file__).parents[1]
OMG = REPO / "examples" / "omg.toml"
GWR = ("--set", "memory.use=gwr")
resource = pytest.importorskip("resource", reason="needs a system with limits of its own")
PHOTOS = REPO.parent / "shared" / "faces"


def affmem(*words, cwd=None, **options):
    done = subprocess.run(
        [sys.executable, "-m", "affmem", *map(str, words)],
        capture_output=True, text=True, cwd=cwd, check=False, **options,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def refused(*words, **options):
    """The single line that a mistake is answered with."""
    done = affmem(*words, **options)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A small corpus of drawn persons in OMG's format: three persons, all of them for testing."""
    folder = tmp_path_factory.mktemp("data") / "omg"
    done = affmem(
        "datasets", "make", "omg", folder, "--persons", 3, "--utterances", 2, "--seconds", 1,
        "--train", 0, "--validation", 0, "--seed", 5, "--quiet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def small(corpus):
    """Words of a quick run over that corpus."""
    quick = {"dataset.root": corpus, "memory.use": "gwr", "start.frames": 2, "start.edits": 20,
             "start.epochs": 2, "resamples": 50, "gallery": 1,
             "report.faces": "true"}  # fmt: skip
    return [
        "run",
        OMG,
        *(word for key, value in quick.items() for word in ("--set", f"{key}={value}")),
    ]


def test_help_fits_one_screen_and_teaches():
    done = affmem("--help", env={**os.environ, "COLUMNS": "80"})
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert "affmem run examples/omg.toml" in done.stdout


HEAVY = {"av", "cv2", "hypothesis", "jinja2", "matplotlib", "numba", "optuna", "PIL", "plotly",
         "pytest", "rich", "scipy", "sklearn", "tensorboardX", "torch"}  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [["--help"], ["plugins", "list"], ["plugins", "info", "memory", "gwr"], ["check", OMG]],
)
def test_what_only_tells_imports_nothing_heavy(words):
    code = "import sys; from affmem.cli import main\ntry: main(sys.argv[1:])\nfinally: print(*sys.modules, file=sys.stderr)"  # noqa: E501
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert HEAVY & set(done.stderr.split()) == set()


def test_version():
    assert affmem("--version").stdout.startswith("affmem ")


def test_check_prints_the_whole_experiment():
    done = affmem("check", OMG, *GWR, "--set", "memory.activity_threshold=0.6")
    assert "activity_threshold = 0.6" in done.stdout
    assert "kappa" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "nowhere.toml"], "nowhere.toml: no such file"),
        (["rum", "a.toml"], "no command 'rum'; did you mean 'run'?"),
        (["run", OMG, "--set", "memory.use=gwrr"], "did you mean 'gwr'?"),
        (
            ["run", OMG, *GWR, "--set", "memory.activity_treshold=1"],
            "did you mean 'activity_threshold'?",
        ),
        (["run", OMG, *GWR, "--set", "memory.activity_threshold=high"], "expected a number"),
        (["run", OMG, *GWR, "--set", "memory.activity_threshold=2"], "activity_threshold"),
        (["run", OMG, "--set", "dataset.root=nowhere"], "nowhere"),
        (["run", REPO / "examples" / "pk-drawn.toml"], "is for `affmem train`"),
        (["run", REPO / "examples" / "table2.toml"], "table2.toml: is for `affmem ablate`"),
        (["run", REPO / "examples" / "tune-memory.toml"], "is for `affmem tune`"),
        (["run", REPO / "examples" / "table3.toml"], "is for `affmem study`"),
        (["study", OMG], "experiment: expected a path"),
        (["tune", OMG], "experiment: expected a path"),
        (["ablate", OMG], "training: expected the path of a training"),
        (["plugins", "info", "memry", "gwr"], "did you mean 'memory'?"),
        (["plugins", "info", "memory", "gw"], "did you mean 'gwr'?"),
        (["report", "nowhere"], "nowhere"),
        (["edit", "nowhere.png", "--grid"], "nowhere.png: does not exist"),
        (["edit", OMG, "--grid"], "not a picture"),
        (["edit", OMG], "--grid"),
        (["datasets", "make", "omg", "x", "--person", "3"], "did you mean 'persons'?"),
        (["datasets", "make", "omg", "x", "--width", "641"], "'width' must be even: 641"),
        (["datasets", "make", "omg", "x", "--persons", "0"], "maker omg: 'persons' must be >= 1"),
        (["edit", "face.png", "--arousal", "nan"], "--arousal nan: expected a number in [-1, 1]"),
        (["edit", "face.png", "--valence", "2"], "--valence 2: expected a number in [-1, 1]"),
        (["run"], "affmem run: Missing argument 'FILE'"),
        (["run", OMG, "--seed", "-1"], "affmem run: Invalid value for '--seed'"),
        (["run", OMG, "--sed", "1"], "affmem run: No such option '--sed'"),
        (["run", OMG, "--set", "start.edits=999999999999"], "start: 'edits' must be <= 10000"),
        (["run", OMG, "--set", 'metrics=[{use="ccc"},{use="ccc"}]'], "'ccc' stands there 2 times"),
        (["run", OMG, "--set", "device=tpu"], "device 'tpu' cannot be used here; expected cpu"),
        (["report", str(OMG)], "is a file; expected a run directory"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(words, told, tmp_path):
    assert told in refused(*words, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_ends_with_figures_and_a_report(small, corpus, tmp_path):
    out = tmp_path / "out"
    done = affmem(*small, "--out", out, env={**os.environ, "COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert "P-AffMem" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80 + len(str(out))
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["unit"], metrics["persons"]) == ("utterance", 3)
    assert metrics["frames"] > 100
    for table in (metrics["systems"]["pk"], metrics["systems"]["p-affmem"], metrics["gain"]):
        for dimension in ("arousal", "valence"):
            assert set(table[dimension]) == {"ccc", "low", "high"}
    timing = json.loads((out / "timing.json").read_text())
    assert timing["frames_per_second"] > 0
    assert {"decode", "find", "encode", "predict", "edit", "learn"} <= set(timing["seconds"])
    assert json.loads((out / "run.json").read_text())["status"] == "finished"
    assert (out / "report.html").stat().st_size > 10_000
    asked, given = (
        [line.split(",") for line in file.read_text().splitlines()[1:]]
        for file in (corpus / "omg_TestVideos.csv", out / "predictions.csv")
    )
    assert [row[3:5] for row in asked] == [row[:2] for row in given]
    words = {line.rpartition(",")[2] for line in (out / "utterances.csv").read_text().split()[1:]}
    assert words <= {*PLACES}
    assert len(list((out / "memories").glob("*.safetensors"))) == 3
    assert not list(out.rglob("*.part"))


def test_one_seed_gives_one_result_and_another_another(small, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert affmem(*small, "--quiet", "--out", tmp_path / name, "--seed", seed).returncode == 0
    a, b, c = ((tmp_path / name / "metrics.json").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_json_is_the_metrics_and_nothing_else(small, tmp_path):
    done = affmem(*small, "--json", "--out", tmp_path / "out", "--set", "memory.use=none")
    metrics = json.loads(done.stdout)
    assert metrics == json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["gain"]["arousal"]["ccc"] == 0
    assert done.stderr == ""


def test_every_memory_runs_and_none_is_another(small, tmp_path):
    found = set()
    for name in ("gwr", "gamma-gwr", "gng", "knn", "none", "personal"):
        words = (*small, "--quiet", "--set", f"memory.use={name}", "--out", tmp_path / name)
        assert affmem(*words).returncode == 0
        metrics = json.loads((tmp_path / name / "metrics.json").read_text())
        found.add(json.dumps(metrics["systems"]["p-affmem"]))
    assert len(found) == 6


def test_a_folder_in_use_is_left_as_it_is(small, tmp_path):
    (tmp_path / "thesis.txt").write_text("do not touch")
    assert "not empty" in refused(*small, "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_interrupted_run_says_so_and_leaves_nothing_half_written(small, tmp_path):
    out = tmp_path / "out"
    words = [sys.executable, "-m", "affmem", *map(str, small), "--out", str(out), "--set",
             "start.epochs=200"]  # fmt: skip
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (out / "run.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    assert not list(out.rglob("*.part"))
    assert not (out / "metrics.json").exists()


def test_ended_by_a_scheduler_it_says_so_too(small, tmp_path):
    out = tmp_path / "out"
    words = [sys.executable, "-m", "affmem", *map(str, small), "--out", str(out), "--set",
             "start.epochs=2000"]  # fmt: skip
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (out / "run.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    process.terminate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"


def test_the_datasets_of_a_training_are_checked_each_by_name(tmp_path):
    (tmp_path / "a.toml").write_text("""
[[dataset]]
use = "drawn"
persons = 2
faces_per_person = 1
[[dataset]]
use = "acted"
persons = 1
seconds = 1.0
[training]
use = "pk"
""")
    told = affmem("datasets", "check", tmp_path / "a.toml")
    assert told.returncode == 0
    lines = [one for one in told.stdout.splitlines() if one.startswith(("dataset:", "clips:"))]
    assert lines == ["dataset: drawn", "clips: 2", "dataset: acted", "clips: 1"]


def test_interrupted_within_executed_text_the_exit_code_is_ours_too(tmp_path):
    # There CPython remembers the interrupt, though it is caught, and under -m ends by SIGINT.
    (tmp_path / "began.py").write_text("""
import affmem.experiment
affmem.experiment.load = lambda *_: exec("raise KeyboardInterrupt")
from affmem.cli import main
main(["check", "any.toml"])
""")
    words = [sys.executable, "-m", "began"]
    done = subprocess.run(
        words, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 130
    assert done.stderr.split() == ["interrupted"]


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupted_maker_ends_at_once_and_leaves_nothing(tmp_path, times):
    words = [sys.executable, "-m", "affmem", "datasets", "make", "omg", str(tmp_path / "x"),
             "--persons", "40"]  # fmt: skip
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".x.*/T*/*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.05)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_run_again_from_what_it_kept_and_only_a_dataset_must_be_named(corpus, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "data").symlink_to(corpus)
    (tmp_path / "here" / "my.toml").write_text(
        'resamples = 20\n[dataset]\nuse = "omg"\nroot = "data"\n'
        "[start]\nedits = 20\nframes = 2\nepochs = 2\n"
    )
    quick = ("--quiet", "--out")
    assert affmem("run", "my.toml", *quick, "out", cwd=tmp_path / "here").returncode == 0
    kept = tmp_path / "here" / "out" / "experiment.toml"
    assert affmem("run", kept, *quick, "again", cwd=tmp_path).returncode == 0
    assert (tmp_path / "again" / "metrics.json").read_bytes() == kept.with_name(
        "metrics.json"
    ).read_bytes()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(small, tmp_path):
    tmp_path.chmod(0o500)
    assert "permission" in refused(*small, "--out", tmp_path / "out")


def test_a_disk_without_space_is_one_line_and_leaves_no_half_file(small, tmp_path):
    """No file may grow beyond 4 KiB, as if the disk were full by then."""
    out = tmp_path / "out"

    def little_space():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    told = refused(*small, "--quiet", "--out", out, preexec_fn=little_space)
    assert re.fullmatch(rf"error: {out}/\S+: cannot be written \(.+\)", told)
    assert json.loads((out / "run.json").read_text())["status"] == "failed"
    assert not list(out.rglob("*.part"))


def test_datasets_check_counts(corpus, tmp_path):
    done = affmem("datasets", "check", OMG, "--set", f"dataset.root={corpus}", "--json")
    found = json.loads(done.stdout)
    assert (found["persons"], found["clips"], found["unreadable"]) == (3, 6, [])
    page = tmp_path / "check.html"
    words = ("datasets", "check", OMG, "--set", f"dataset.root={corpus}", "--quick", "--html", page)
    assert "note:" not in affmem(*words).stdout
    assert "all 6 clips can be read" in page.read_text()
    assert "exists; expected a new file" in refused(*words)


def folder(tmp_path, rows, columns="file,person,arousal,valence"):
    """A folder dataset of one picture and whatever the rows say, and the words to run it."""
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    (tmp_path / "labels.csv").write_text("\n".join([columns, *rows]))
    return ["run", OMG, "--set", "dataset.use=folder", "--set", f"dataset.root={tmp_path}",
            "--out", tmp_path / "out"]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "columns", "told"),
    [
        (["grey.png,anna,7,0"], "file,person,arousal,valence", "7"),
        (["grey.png,anna,nan,0"], "file,person,arousal,valence", "nan"),
        (["grey.png,anna,0,0"], "fil,person,arousal,valence", "file"),
        (["text.mp4,anna,0,0"], "file,person,arousal,valence", "text.mp4"),
        (["cut.mp4,anna,0,0"], "file,person,arousal,valence", "cut.mp4: is not a video, or its"),
        (["empty.mp4,anna,0,0"], "file,person,arousal,valence", "empty"),
        (["../../etc/passwd,anna,0,0"], "file,person,arousal,valence", "passwd"),
        ([], "file,person,arousal,valence", "labels.csv"),
    ],
)
def test_a_bad_row_or_file_is_one_line(corpus, tmp_path, rows, columns, told):
    words = folder(tmp_path, rows, columns)
    whole = next(iter(sorted(corpus.glob("Test/*/*.mp4")))).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.mp4").write_text("this is no video, whatever its name says")
    (tmp_path / "empty.mp4").touch()
    assert told in refused(*words)


def test_a_clip_without_a_face_is_counted_and_the_run_goes_on(tmp_path):
    done = affmem(*folder(tmp_path, ["grey.png,anna,0.1,0.2"]))
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["frames"], metrics["faces"], metrics["scored"]) == (1, 0, 0)
    assert "note: no face was found in any of 1 frames" in done.stdout


@pytest.mark.skipif(not PHOTOS.exists(), reason="needs the photographs in ../shared/faces")
def test_photographs_run_as_clips_of_one_frame(tmp_path):
    rows = []
    for person in range(1, 7):
        for look, valence in (("neutral", 0), ("smiling", 0.7)):
            name = f"{person:03}_{look}.jpg"
            (tmp_path / name).write_bytes((PHOTOS / name).read_bytes())
            rows.append(f"{name},{person:03},0,{valence}")
    done = affmem(*folder(tmp_path, rows), "--set", "start.edits=20")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["persons"], metrics["frames"]) == (6, 12)


def test_edit_draws_a_sheet(corpus, tmp_path):
    import av

    clip = next(iter(sorted(corpus.glob("Test/*/*.mp4"))))
    with av.open(str(clip)) as video:
        frame = next(video.decode(video=0)).to_ndarray(format="rgb24")
    Image.fromarray(frame).save(tmp_path / "face.png")
    done = affmem("edit", tmp_path / "face.png", "--grid")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "face-edited.png") as sheet:
        assert sheet.size == (480, 480)
    assert "exists" in refused("edit", tmp_path / "face.png", "--grid")
    assert_maps(tmp_path)


def assert_maps(folder):
    """Of the face and three edits, or of one asked for; beside each, the maps that can be had."""
    sizes = {}
    (folder / "captum.py").write_text("raise ModuleNotFoundError(name='captum')")
    for out, asked, paths in (
        ("all.png", (), ""),
        ("one.webp", ("--valence", "1"), ""),
        ("activation.jpg", (), str(folder)),
    ):
        environment = {**os.environ, "PYTHONPATH": paths}
        words = ("edit", folder / "face.png", "--maps", *asked, "--out", folder / out)
        done = affmem(*words, env=environment)
        assert done.returncode == 0, done.stderr
        said = "activation alone: Grad-CAM needs captum: pip install affmem[explain]"
        assert (said in done.stderr.splitlines()) == bool(paths)
        with Image.open(folder / out) as sheet:
            sizes[out] = sheet.size
    (wide, tall), (_, short), (narrow, same) = sizes.values()
    assert tall == same
    assert tall - short == 2 * 96
    assert wide - narrow == 2 * 96
    assert not list(folder.glob(".*"))


def test_a_training_killed_at_any_moment_goes_on_and_ends_with_the_same_weights(tmp_path):
    words = ["train", REPO / "examples" / "pk-drawn.toml", "--quiet"]
    for one in ("workers=1", "dataset.persons=8", "training.steps=150", "training.save_every=3",
                "training.report=50", "training.width=0.0625", "training.batch=8"):  # fmt: skip
        words += ["--set", one]
    assert affmem(*words, "--out", tmp_path / "whole").returncode == 0
    out, rng = tmp_path / "killed", np.random.default_rng(0)
    command = [sys.executable, "-m", "affmem", *map(str, words), "--out", str(out)]
    killed = 0
    for _ in range(4):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (out / "state.safetensors").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.6 * rng.random())
        killed += process.poll() is None
        process.kill()
        process.wait()
    assert killed >= 1
    assert not (out / "done.json").exists()
    assert affmem(*words, "--out", out).returncode == 0
    for name in ("best.safetensors", "last.safetensors"):
        one, other = (load_file(folder / name) for folder in (out, tmp_path / "whole"))
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one)
    assert "finished training" in refused(*words, "--out", out)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "training.toml").write_text("seed = 9")
    assert "another training" in refused(*words, "--out", tmp_path / "other")


def test_completion_scripts_are_given():
    for shell in ("bash", "zsh", "fish"):
        assert "affmem" in affmem("completion", shell).stdout
