"""The kit: every bundled part passes it, and each of its checks catches what only it can."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from attrs import evolve, frozen
from click.testing import CliRunner

from affmem.catalogue import KINDS, catalogue
from affmem.cli import main
from affmem.conformance import CHECKS, Subject, examine, named
from affmem.conformance.every import PROTOCOLS
from affmem.protocols import Runtime
from broken_parts import BROKEN, SOUND, Mean, Upside, subject
from recordings_files import write_video

MACHINES = {"whatever_is_done_to_it", "it_keeps_what_a_list_would"}
"""They do all that others do, and so may fail where one of them does."""
REPO = Path(__file__).parents[1]
MESHES = REPO.parent / "shared" / "ict"
TINY = ["persons=1", "utterances=1", "seconds=0.2", "width=160", "height=120"]
SETTINGS = {
    "maker:omg": TINY,
    "dataset:drawn": ["persons=2", "faces_per_person=3"],
    "dataset:acted": ["persons=2", "seconds=2"],
    "dataset:rendered": ["persons=2", "faces_per_person=2", f"root={MESHES}"],
}
ABSENT = {
    "dataset:rendered": "" if MESHES.exists() else "needs the meshes in ../shared/ict",
    **dict.fromkeys(
        ("encoder:identity", "term:identity"),
        "" if find_spec("face_recognition_models") else 'needs the extra "identity"',
    ),
}
SLOW = {"backend:ray": pytest.mark.slow}
"""Its processes take half a minute to start and to end."""
RECORDED = tuple(
    f"dataset:{name}"
    for name in ("folder", "omg", "omg-empathy", "affectnet", "afew-va", "aff-wild2")
)
PARTS = [f"{kind}:{name}" for kind, names in catalogue().parts.items() for name in names]


def failed(subject):
    return {one.check for one in examine(subject) if not one.passed}


def test_every_kind_has_its_checks_and_its_protocol():
    assert [*CHECKS] == [*PROTOCOLS]
    assert set(CHECKS) == set(KINDS)


@pytest.mark.parametrize("subject", SOUND, ids=lambda one: f"{one.kind}-{one.name}")
def test_a_sound_part_passes(subject):
    assert [str(one) for one in examine(subject) if not one.passed] == []


@pytest.mark.parametrize(
    ("check", "subject"), BROKEN, ids=[f"{one.kind}-{check}" for check, one in BROKEN]
)
def test_a_broken_part_fails_just_the_check_that_is_for_it(check, subject):
    assert failed(subject) - (MACHINES - {check}) == {check}


def test_no_check_is_without_a_part_that_fails_it():
    caught = {(subject.kind, check) for check, subject in BROKEN}
    general = {(one, check.__name__) for check in CHECKS["trainer"] for one in CHECKS}
    caught |= {one for one in general if one[1] in {check for check, _ in BROKEN}}
    assert {(kind, one.__name__) for kind in CHECKS for one in CHECKS[kind]} == caught


# --- the bundled parts ------------------------------------------------------------------------


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """A folder that is a corpus of each format at once, by settings of its dataset."""
    root = tmp_path_factory.mktemp("recorded")
    named("maker:omg", [*TINY, "train=0", "validation=0"]).config.build(Runtime()).make(
        root / "omg", lambda *_: None
    )
    picture = PIL.Image.fromarray(np.full((90, 80, 3), 100, np.uint8))
    (root / "labels.csv").write_text("file,person,arousal,valence\na.png,anna,0.5,0\n")
    (root / "train_set" / "images").mkdir(parents=True)
    (root / "train_set" / "annotations").mkdir()
    clips = root / "001", root / "cropped_aligned" / "1-30-90x80"
    labels, stories = root / "VA_Set" / "Validation_Set", root / "Validation"
    for folder in (*clips, labels, stories / "Annotations", stories / "Videos"):
        folder.mkdir(parents=True)
    for path in ("a.png", "train_set/images/0.jpg", *(one / "00001.jpg" for one in clips)):
        picture.save(root / path)
    label = {"frames": {"00001": {"arousal": 5, "valence": -5}}}
    (root / "001" / "001.json").write_text(json.dumps(label))
    (labels / "1-30-90x80.txt").write_text("valence,arousal\n0.5,-5\n")
    (stories / "Annotations" / "Subject_1_Story_1.csv").write_text("valence\n0.5\n")
    write_video(stories / "Videos" / "Subject_1_Story_1.mp4", [0, 40])
    for what in ("aro", "val", "exp"):
        np.save(root / "train_set" / "annotations" / f"0_{what}.npy", np.array("0.5"))
    return {
        "dataset:omg": [f"root={root / 'omg'}"],
        **{part: [f"root={root}"] for part in RECORDED if part != "dataset:omg"},
    }


@pytest.mark.parametrize(
    ("part", "check"),
    [
        pytest.param(part, check, id=f"{part}-{check.__name__}", marks=SLOW.get(part, ()))
        for part in PARTS
        for check in CHECKS[part.partition(":")[0]]
    ],
)
def test_every_bundled_part_keeps_its_promises(part, check, request, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # where stores are, unless they are told
    if ABSENT.get(part):
        pytest.skip(ABSENT[part])
    recorded = request.getfixturevalue("recorded") if part in RECORDED else {}
    check(evolve(named(part, {**SETTINGS, **recorded}.get(part, [])), examples=10))


def test_the_example_of_a_stranger_passes(monkeypatch):
    monkeypatch.syspath_prepend(REPO / "examples" / "plugin-lastseen")
    from affmem_lastseen import LastSeenConfig

    assert failed(Subject("memory", "lastseen", LastSeenConfig())) == set()


# --- the three ways to it ---------------------------------------------------------------------


def pytest_on(folder, *words):
    """Run pytest in a folder of a stranger's, and nothing of this project's settings."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_strangers_module_of_two_lines_runs_every_check(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "from affmem.conformance import conforms\n"
        'test_it_keeps_its_promises = conforms("memory:none")\n'
    )
    done = pytest_on(tmp_path, "test_mine.py")
    assert f"{len(CHECKS['memory'])} passed" in done.stdout, done.stdout


def test_pytest_checks_the_part_that_it_is_told(tmp_path):
    words = ["--pyargs", "affmem.conformance"]
    done = pytest_on(
        tmp_path, *words, "--affmem-part", "metric:mae", "--affmem-set", "nearest=3"
    )  # fmt: skip
    assert "metric.nearest: no setting 'nearest'" in done.stdout
    few = "--affmem-set", "persons=1", "--affmem-set", "faces_per_person=2"
    done = pytest_on(tmp_path, *words, "--affmem-part", "dataset:drawn", *few)
    assert f"{len(CHECKS['dataset'])} passed" in done.stdout, done.stdout
    for part, said in (
        ([], "name a part: --affmem-part KIND:NAME"),
        (["--affmem-part", "memory:nome"], "did you mean 'none'?"),
    ):
        done = pytest_on(tmp_path, *words, *part)
        assert done.returncode != 0
        assert said in done.stdout + done.stderr


def run(*words):
    return CliRunner().invoke(main, ["plugins", "check", *words])


def test_the_command_prints_a_line_a_check():
    done = run("metric:mae")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [f"passed  {one.__name__}" for one in CHECKS["metric"]]


@pytest.fixture
def upside(monkeypatch):
    """A broken metric, as if it were installed."""
    config = type(subject("metric", Upside).config)
    monkeypatch.setitem(catalogue().parts["metric"], "upside", config)


def test_a_table_before_a_setting_is_told():
    done = run("memory:knn", "--set", "memory.nearest=3")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: --set memory.nearest=3: expected a setting of memory:knn itself: nearest=…\n",
    )


@pytest.mark.usefixtures("upside")
def test_a_promise_that_is_not_kept_is_told_with_its_smallest_example():
    done = run("metric:upside")
    assert done.exit_code == 1
    (line,) = [line for line in done.stdout.splitlines() if not line.startswith("passed")]
    assert line.startswith("FAILED  truth_is_best: higher is better, but the truth has 0, another ")
    assert "smallest example: pair = float64[2, 1] [[" in line
    done = run("metric:upside", "--json")
    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert said["passed"] is False
    assert [one["check"] for one in said["checks"] if not one["passed"]] == ["truth_is_best"]


def test_whatever_a_part_raises_is_told_as_a_reason_with_its_place():
    class Raising(Mean):
        def predict(self, codes):
            raise OSError(f"{len(codes)} lines\ncannot be said")

    @frozen
    class Config:
        def build(self, _runtime):
            return Raising()

    outcomes = {one.check: one for one in examine(subject("memory", Raising, Config()))}
    line = Raising.predict.__code__.co_firstlineno + 1
    told = outcomes["readings_are_in_bounds"]
    assert told.reason.startswith("raised OSError at ")
    assert told.reason.endswith(f"test_conformance.py:{line}: 0 lines cannot be said")
    assert told.example.startswith("stream = (codes float32[0, 3] []")
    assert outcomes["its_state_is_a_copy"].passed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["memory"], "expected KIND:NAME"),
        (["memry:gwr"], "did you mean 'memory'?"),
        (["memory:gwrr"], "did you mean 'gwr'?"),
        (["memory:gwr", "--set", "capa=0.5"], "did you mean 'kappa'?"),
        (["memory:gwr", "--set", "kappa=x"], "memory.kappa: expected a number, got 'x'"),
        (["dataset:folder"], "dataset.root: is missing"),
        (["dataset:folder", "--set", "root=/nowhere"], "/nowhere: no such folder"),
    ],
)
def test_a_mistake_is_one_line(words, said):
    done = run(*words)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert said in line


def test_without_hypothesis_it_says_what_to_install(monkeypatch):
    for name in [*sys.modules]:
        if name.startswith("affmem.conformance") or name.partition(".")[0] == "hypothesis":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    done = run("memory:gwr")
    assert done.exit_code == 2
    assert "pip install affmem[conformance]" in done.stderr


def test_neither_hypothesis_nor_pytest_is_needed_otherwise():
    code = (
        "import sys, affmem.cli; sys.exit('hypothesis' in sys.modules or 'pytest' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
