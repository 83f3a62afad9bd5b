"""A new plugin works as it is written, whatever its kind."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from affmem import UserError
from affmem.catalogue import KINDS
from affmem.scaffold import LONGEST, scaffold

ROOT = Path(__file__).parents[1]


def ran(*words, cwd, **environment):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)], cwd=cwd, capture_output=True, text=True,
        check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A new plugin of each kind, the longest name among them: by kind, the folder of each."""
    above = tmp_path_factory.mktemp("made")
    names = {kind: f"a-new-{kind}" for kind in KINDS} | {"metric": "m" * LONGEST}
    return {kind: scaffold(name, kind, above) for kind, name in names.items()}


@pytest.fixture(scope="module")
def installed(made, tmp_path_factory):
    """A folder with the wheel of each."""
    site = tmp_path_factory.mktemp("site")
    for folder in made.values():
        (wheel,) = WheelBuilder(str(folder)).build(directory=str(folder / "dist"))
        zipfile.ZipFile(wheel).extractall(site)
    return site


def test_a_new_plugin_of_each_kind_passes_its_own_tests(made, installed):
    tests = [folder / "tests" for folder in made.values()]
    words = ("pytest", "-q", "-p", "no:cacheprovider", "--rootdir", installed, *tests)
    told = ran(*words, cwd=installed, PYTHONPATH=str(installed))
    assert re.search(r"\d+ passed", told)
    assert "skipped" not in told


def test_new_plugins_are_typed_formatted_and_without_a_complaint(made, installed):
    above = made["memory"].parent
    ran("ruff", "format", "--check", ".", cwd=above)
    ran("ruff", "check", ".", cwd=above)
    modules = [next(one.glob("affmem_*")) for one in made.values()]
    cache = ("--cache-dir", ROOT / ".mypy_cache")  # torch alone takes a minute
    ran("mypy", "--strict", *cache, *modules, cwd=above, MYPYPATH=f"{ROOT}/src")


def test_what_a_new_plugin_says_of_itself_is_whole(made):
    for kind, folder in made.items():
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        assert [*project["entry-points"]["affmem"]] == [folder.name.removeprefix("affmem-")]
        assert "license" not in project
        assert f"affmem plugins check {kind}:" in (folder / "README.md").read_text()
        workflow = (folder / ".github" / "workflows" / "test.yml").read_text()
        assert "${{ matrix.python }}" in workflow


def test_the_templates_are_in_the_wheel(tmp_path):
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"affmem/scaffold/templates/kinds/{kind}.py.jinja" for kind in KINDS} <= {*names}


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("dream", "memry", "no kind 'memry'; did you mean 'memory'?"),
        ("gwr", "memory", "memory 'gwr' is already given by plugin 'memories' of affmem"),
        ("memories", "memory", "the name is taken by plugin 'memories' of affmem"),
        ("there", "memory", "affmem-there: exists; expected a new folder"),
        *[
            (name, "memory", f"{name!r} is no name for a part")
            for name in ("", "Dream", "a_b", "-a", "a-", "1st", "a/b", "..", "ö", "x" * 25)
        ],
    ],
)
def test_what_cannot_be_written_is_told_and_nothing_is(name, kind, told, tmp_path):
    (tmp_path / "affmem-there").mkdir()
    with pytest.raises(UserError) as error:
        scaffold(name, kind, tmp_path)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert [one.name for one in tmp_path.iterdir()] == ["affmem-there"]
