"""What README and docs say is true: commands parse, code runs, and nothing is left out."""

import json
import re
import shlex
import tomllib
from itertools import pairwise
from pathlib import Path

import click
import matplotlib.pyplot as plt
import pytest
from attrs import fields

from affmem import hookspecs
from affmem.catalogue import KINDS
from affmem.cli import main
from affmem.conformance import CHECKS
from affmem.conformance.subject import promise
from affmem.experiment import Experiment, Training, load
from affmem.tuning import Tuning

REPO = Path(__file__).parents[1]
PAGES = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))]
TEXTS = {page.name: page.read_text() for page in PAGES}


def blocks(language):
    """Every code block of a language, with the page that it stands on."""
    for name, text in TEXTS.items():
        for body in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL):
            yield pytest.param(body, id=f"{name}: {body.splitlines()[0][:50]}")


def commands():
    for block in blocks("bash"):
        for line in block.values[0].splitlines():
            for part in line.split("&&"):
                if part.strip().startswith("affmem "):
                    yield pytest.param(shlex.split(part, comments=True)[1:], id=part.strip())


@pytest.mark.parametrize("words", [*commands()])
def test_every_command_parses(words):
    command, context = main, click.Context(main)
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, list(words))
    command.make_context(name, list(words))


FILES = [one for one in commands() if one.values[0][0] == "run" and "--resume" not in one.values[0]]


@pytest.mark.parametrize("words", FILES)
def test_every_experiment_of_a_command_is_sound(words):
    if "lastseen" in " ".join(words):
        pytest.skip("needs the stranger's plugin installed")
    sets = [value for key, value in pairwise(words) if key == "--set"]
    assert isinstance(load(REPO / words[1], sets), Experiment)


@pytest.mark.parametrize("code", [*blocks("python")])
def test_every_piece_of_code_runs(code):
    exec(compile(code, "docs", "exec"), {})  # noqa: S102  (our own docs)


def test_the_tour_runs_and_shows_what_it_gave(monkeypatch):
    monkeypatch.setattr(plt, "show", plt.close)
    cells = json.loads((REPO / "examples" / "tour.ipynb").read_text())["cells"]
    cells = [cell for cell in cells if cell["cell_type"] == "code"]
    names = {}
    for cell in cells:
        exec(compile("".join(cell["source"]), "tour", "exec"), names)  # noqa: S102  (our own)
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    assert sum("image" in str([*one.get("data", ())]) for c in cells for one in c["outputs"]) == 3
    assert len(names["gwr"]) > 50


@pytest.mark.parametrize("text", [*blocks("toml")])
def test_every_piece_of_toml_is_toml(text):
    assert tomllib.loads(text)


def test_every_hook_has_its_row():
    hooks = [name for name in vars(hookspecs.Hooks) if name.startswith("affmem_")]
    assert hooks
    for name in hooks:
        assert f"| `{name}` |" in TEXTS["plugins.md"]
    for kind in KINDS:
        assert re.search(rf"\| {kind} \|", TEXTS["plugins.md"])


def test_every_check_of_the_kit_has_its_row_and_no_other():
    kinds = {}
    for kind, checks in CHECKS.items():
        for check in checks:
            kinds.setdefault(check, []).append(kind)
    rows = [
        f"| `{check.__name__}` | {'every kind' if of == [*KINDS] else ', '.join(of)} "
        f"| {promise(check)} |"
        for check, of in kinds.items()
    ]
    table = TEXTS["plugins.md"].partition("## Check it")[2].partition("## ")[0]
    assert [line for line in table.splitlines() if line.startswith("| `")] == rows


def test_every_key_of_an_experiment_is_explained():
    written = {one for one in fields(Tuning) if one.name != "tables"}
    for one in {*fields(Experiment), *fields(Training), *written}:
        assert re.search(rf"`\[*{one.name}\]*`", TEXTS["experiments.md"]), one.name


def test_every_link_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)
