"""From Python it is as from the command line: a plain script, run by its user."""

import subprocess
import sys
from pathlib import Path

import affmem
from affmem.experiment import Experiment, Training

REPO = Path(__file__).parents[1]
SCRIPT = """
from pathlib import Path
import affmem
from affmem.catalogue import catalogue

print("once")
film = catalogue().config("maker", "omg")
film = film(persons=4, utterances=2, seconds=0.4, width=160, height=120, train=0.0, validation=0.0)
film.build(affmem.Runtime()).make(Path("data"), lambda done, of: None)
result = affmem.load("mine.toml", ["resamples=20"]).run("out")
print(result.metrics["clips"], sorted(result.metrics["systems"]), result.report)
"""
MINE = """
[dataset]
use = "omg"
root = "data"
split = "test"
[memory]
use = "personal"
"""


def test_a_plain_script_runs_an_experiment_and_is_not_run_by_its_processes(tmp_path):
    """Persons are filmed by several processes; a script without `if __name__` is no trap."""
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "mine.toml").write_text(MINE)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["once", "8 ['p-affmem', 'pk'] out/report.html"], done.stderr
    assert (tmp_path / "out" / "metrics.json").is_file()


def test_what_is_loaded_knows_how_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(affmem.load(str(REPO / "examples" / "omg.toml")), Experiment)
    few = ["dataset.persons=4", "training.steps=2", "training.report=1", "training.width=0.0625",
           "training.batch=8", "workers=1"]  # fmt: skip
    training = affmem.load(REPO / "examples" / "pk-drawn.toml", few)
    assert isinstance(training, Training)
    assert training.run("pk")["step"] == 2
    assert training.run()["step"] == 2
    (folder,) = Path("runs").iterdir()
    assert (folder / "best.safetensors").is_file()
