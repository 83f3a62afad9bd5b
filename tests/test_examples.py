"""The plugins beside the examples: each a distribution of its own, which passes its own tests."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

FOLDERS = sorted((Path(__file__).parents[1] / "examples").glob("plugin-*"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder that they are installed in."""
    site = tmp_path_factory.mktemp("site")
    for folder in FOLDERS:
        (wheel,) = WheelBuilder(str(folder)).build(directory=str(site), versions=["standard"])
        zipfile.ZipFile(wheel).extractall(site)
    return site


def test_they_pass_their_own_tests(site):
    words = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", site]
    done = subprocess.run(
        [*words, *(folder / "tests" for folder in FOLDERS)], cwd=site, check=False, text=True,
        capture_output=True, env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_says_how_it_is_used_and_which_versions_it_is_for():
    for folder in FOLDERS:
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        assert "affmem>=0.1,<0.3" in project["dependencies"]
        assert f"pip install examples/{folder.name}" in (folder / "README.md").read_text()
