"""Plugins by entry point: bundled ones, strangers, and strangers that are broken."""

import json
import os
import subprocess
import sys
from importlib.metadata import Distribution, distribution, entry_points, version

import pytest

from affmem import PluginError, hookspecs
from affmem.catalogue import GROUP, KINDS, _plugin, catalogue, collect

HOOKS = ", ".join(sorted(KINDS.values()))
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
    """Install a distribution of one module with the given text; its entry point."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(module, text, name=None, requires="affmem"):
        (tmp_path / f"{module}.py").write_text(text)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        metadata = (
            f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\nRequires-Dist: {requires}\n"
        )
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name or module} = {module}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)
        (point,) = Distribution.at(info).entry_points
        return point

    return make


def bundled():
    return [point for point in entry_points(group=GROUP) if _plugin(point).distribution == GROUP]


def test_each_bundled_plugin_loads():
    assert [p for p in collect(bundled()).plugins if p.state != "ok"] == []


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
    assert str(found.sources["memory", "lastseen"]) == "plugin 'polite' of polite 1.0"


BROKEN = {
    "import nowhere": "ModuleNotFoundError: No module named 'nowhere' (at broken.py:1)",
    "1 / 0": "ZeroDivisionError: division by zero (at broken.py:1)",
    "def": "SyntaxError: invalid syntax (broken.py, line 1)",
    "raise SystemError": "SystemError (at broken.py:1)",
    "raise SystemExit(0)": "SystemExit: 0 (at broken.py:1)",
    "raise ValueError('one\\ntwo')": "ValueError: one (at broken.py:1)",
    "x = 1": "gives no part: it has no function under @affmem.hookimpl",
    STRANGER.replace("NAMES", "'gwr': Config"): (
        f"memory 'gwr' is already given by plugin 'memories' of affmem {version(GROUP)}"
    ),
    STRANGER.replace("affmem_memories", "affmem_memorys"): (
        f"no hook 'affmem_memorys'; did you mean 'affmem_memories'? known: {HOOKS}"
    ),
    STRANGER.replace("affmem_memories()", "affmem_memories(wish)"): (
        "Argument(s) {'wish'} are declared in the hookimpl but can not be found in the hookspec"
    ),
    STRANGER.replace("return {NAMES}", "raise RuntimeError('no')"): (
        "affmem_memories: RuntimeError: no (at broken.py:12)"
    ),
    STRANGER.replace("return {NAMES}", "return exit(1)"): (
        "affmem_memories: SystemExit: 1 (at broken.py:12)"
    ),
    STRANGER.replace("{NAMES}", "None"): "affmem_memories: expected {name: class}, got None",
    STRANGER.replace("{NAMES}", "__import__('numpy').eye(2)"): (
        "affmem_memories: expected {name: class}, got array([[1., 0.], [0., 1.]])"
    ),
    STRANGER.replace("NAMES", "'x': 3"): (
        "affmem_memories: expected a name and a class by attrs.frozen with a build(), got 'x' and 3"
    ),
    STRANGER.replace("NAMES", "3: Config"): (
        "affmem_memories: expected a name and a class by attrs.frozen with a build(), "
        "got 3 and <class 'broken.Config'>"
    ),
    STRANGER.replace("frozen", "define").replace("NAMES", "'x': Config"): (
        "affmem_memories: expected a name and a class by attrs.frozen with a build(), "
        "got 'x' and <class 'broken.Config'>"
    ),
}


@pytest.mark.parametrize(("text", "told"), BROKEN.items())
def test_a_broken_stranger_is_named_and_the_rest_goes_on(stranger, text, told):
    found = collect([*bundled(), stranger("broken", text)])
    (plugin,) = [p for p in found.plugins if p.state != "ok"]
    assert (plugin.state, plugin.reason) == ("broken", told)
    assert found.sources["memory", "gwr"].name == "memories"
    with pytest.raises(PluginError) as told_of_part:
        found.config("memory", "dreaming")
    assert f"(plugin 'broken' of broken 1.0 is broken: {told})" in str(told_of_part.value)
    assert "\n" not in str(told_of_part.value)


def test_a_plugin_gives_all_its_parts_or_none(stranger):
    point = stranger("half", STRANGER.replace("NAMES", "'new': Config, 'gwr': Config"))
    assert "new" not in collect([*bundled(), point]).parts["memory"]


def test_two_entry_points_with_one_name_are_told(stranger):
    point = stranger("other", STRANGER.replace("NAMES", "'lastseen': Config"), name="memories")
    (plugin,) = [p for p in collect([*bundled(), point]).plugins if p.state != "ok"]
    assert plugin.module == "other"
    assert plugin.reason.startswith("its entry point has the name of plugin 'memories' of affmem")


@pytest.mark.parametrize(
    ("requires", "state"),
    [
        ("affmem", "ok"),
        ("affmem>=0.1,<0.3", "ok"),
        ("affmem<0.1", "broken"),
        ("affmem>=99", "broken"),
        ('affmem>=99; extra == "later"', "ok"),
    ],
)
def test_a_plugin_for_another_version_is_refused_by_its_own_requirement(stranger, requires, state):
    point = stranger("early", STRANGER.replace("NAMES", "'early': Config"), requires=requires)
    (plugin,) = collect([point]).plugins
    assert plugin.state == state
    if state == "broken":
        assert plugin.reason == f"requires {requires}, but this is affmem {version(GROUP)}"


def test_a_distribution_in_pieces_breaks_nothing_else(stranger, tmp_path):
    half = stranger("half", "import nowhere")
    (tmp_path / "half-1.0.dist-info" / "METADATA").unlink()
    odd = stranger("odd", STRANGER.replace("NAMES", "'odd': Config"), requires="affmem >> 1")
    found = collect([*bundled(), half, odd])
    assert {p.name for p in found.plugins if p.state == "broken"} == {"half", "odd"}
    assert "gwr" in found.parts["memory"]


def test_a_hook_under_the_name_of_the_version_before_is_taken_with_a_line(
    stranger, monkeypatch, caplog
):
    monkeypatch.setattr(hookspecs, "RENAMED", {"affmem_keepsakes": "affmem_memories"})
    text = STRANGER.replace("affmem_memories", "affmem_keepsakes").replace("NAMES", "'old': Config")
    found = collect([*bundled(), stranger("old", text)])
    assert found.sources["memory", "old"].state == "ok"
    told = "plugin 'old' of old 1.0: hook affmem_keepsakes has been renamed; write affmem_memories"
    assert caplog.messages == [told]


def test_a_hook_of_a_later_version_may_be_marked_as_optional(stranger):
    later = "\n@hookimpl(optionalhook=True)\ndef affmem_dreams():\n    return {}\n"
    (plugin,) = collect(
        [stranger("both", STRANGER.replace("NAMES", "'b': Config") + later)]
    ).plugins
    assert plugin.state == "ok"


def test_a_blocked_plugin_is_left_out():
    found = collect(bundled(), blocked=["memories"])
    assert [p.name for p in found.plugins if p.state == "blocked"] == ["memories"]
    with pytest.raises(PluginError, match=r"'memories' .* is blocked: AFFMEM_BLOCK names it"):
        found.config("memory", "gwr")


def test_a_name_to_block_that_no_plugin_has_is_told(caplog):
    collect(bundled(), blocked=["memorys"])
    (told,) = caplog.messages
    assert told.startswith("AFFMEM_BLOCK: no plugin 'memorys'; did you mean 'memories'?")


def test_the_list_shows_every_state_and_is_no_failure(stranger, tmp_path):
    stranger("fine", STRANGER.replace("NAMES", "'fine': Config"))
    stranger("broken", "import nowhere")
    stranger("unwanted", STRANGER.replace("NAMES", "'unwanted': Config"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "AFFMEM_BLOCK": "unwanted,nobody"}
    words = [sys.executable, "-m", "affmem", "plugins", "list"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("fine", "bro", "unw"))]
    assert lines == [
        f"broken      broken 1.0 (broken): broken: {BROKEN['import nowhere']}",
        "fine        fine 1.0 (fine): ok",
        "unwanted    unwanted 1.0 (unwanted): blocked: AFFMEM_BLOCK names it",
    ]
    assert done.stderr.startswith("AFFMEM_BLOCK: no plugin 'nobody'; known: ")
    words.append("--json")
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    states = {one["name"]: one["state"] for one in json.loads(done.stdout)["plugins"]}
    assert (states["fine"], states["broken"], states["unwanted"]) == ("ok", "broken", "blocked")


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
