"""Plugins by entry point: bundled ones, strangers, and strangers that are broken."""

import subprocess
import sys
from importlib.metadata import EntryPoint, distribution, entry_points

import pytest

from affmem import PluginError
from affmem.catalogue import GROUP, KINDS, catalogue, collect

STRANGER = """
from attrs import frozen
from affmem import hookimpl

@frozen
class Config:
    "A stranger's memory."
    def build(self, runtime): ...

@hookimpl
def affmem_memories():
    return {NAMES}
"""


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """Make a module with the given text, and its entry point."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(module, text, name=None):
        (tmp_path / f"{module}.py").write_text(text)
        monkeypatch.delitem(sys.modules, module, raising=False)
        return EntryPoint(name or module, module, GROUP)

    return make


def bundled():
    return [point for point in entry_points(group=GROUP) if point.dist.name == GROUP]


def test_each_bundled_plugin_loads():
    assert [(p.name, p.error) for p in collect(bundled()).plugins if p.error] == []


def test_every_kind_has_a_bundled_part():
    found = collect(bundled())
    assert [kind for kind in KINDS if not found.parts[kind]] == []


def test_the_installed_entry_points_are_those_of_pyproject():
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    given = {one.name: one.value for one in distribution("affmem").entry_points.select(group=GROUP)}
    assert given == project["project"]["entry-points"][GROUP], "reinstall: pip install -e ."


def test_a_stranger_is_found_as_ours_are(stranger):
    point = stranger("polite", STRANGER.replace("NAMES", "'lastseen': Config"))
    found = collect([*bundled(), point])
    assert found.sources["memory", "lastseen"] == "polite"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nonexistent_thing", "nonexistent_thing"),
        ("1 / 0", "division by zero"),
        ("raise SystemError", "SystemError"),
        (STRANGER.replace("NAMES", "'gwr': Config"), "'gwr' is already given by plugin 'memories'"),
        (STRANGER.replace("affmem_memories", "affmem_memorys"), "affmem_memorys"),
        (STRANGER.replace("return {NAMES}", "raise RuntimeError('no')"), "affmem_memories: no"),
    ],
)
def test_a_broken_stranger_is_named_and_the_rest_goes_on(stranger, text, told):
    found = collect([*bundled(), stranger("broken", text)])
    (plugin,) = [p for p in found.plugins if p.error]
    assert plugin.name == "broken"
    assert told in plugin.error
    assert found.sources["memory", "gwr"] == "memories"


def test_naming_a_part_of_a_broken_plugin_shows_its_message(stranger):
    found = collect([*bundled(), stranger("broken", "import nonexistent_thing")])
    with pytest.raises(PluginError, match="nonexistent_thing"):
        found.config("memory", "dreaming")


def test_two_entry_points_with_one_name_are_told(stranger):
    point = stranger("other", STRANGER.replace("NAMES", "'lastseen': Config"), name="memories")
    (plugin,) = [p for p in collect([*bundled(), point]).plugins if p.error]
    assert (plugin.module, "entry point's name" in plugin.error) == ("other", True)


def test_a_blocked_plugin_is_left_out():
    found = collect(bundled(), blocked=["memories"])
    assert "gwr" not in found.parts["memory"]


def test_an_unknown_part_is_answered_with_the_nearest():
    with pytest.raises(PluginError, match="did you mean 'gwr'"):
        catalogue().config("memory", "gwrr")


def test_the_catalogue_and_every_config_leave_torch_alone():
    code = (
        "import sys; from affmem.catalogue import catalogue; catalogue();"
        "sys.exit([m for m in ('torch', 'cv2', 'av', 'plotly', 'scipy') if m in sys.modules] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
