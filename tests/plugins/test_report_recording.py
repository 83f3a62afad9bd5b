"""The recording, read back by Rerun's own reader, holds what the run's tables do."""

import csv
import json
import sys
from datetime import timedelta

import numpy as np
import pytest
import rerun as rr
from click.testing import CliRunner
from rerun.chunk import RrdReader

from affmem.cli import main
from affmem.errors import InputError, PluginError
from affmem.protocols import Reporter, Runtime
from affmem_report.config import RerunConfig
from plugins import fake_run

HOSTILE = "a/../b \x00<i>&'\"é\n*"
PEOPLE = ("anna", HOSTILE)
TITLE = "ContainerBlueprint:display_name"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "mine"
    return fake_run.make(folder, persons=PEOPLE, clips=3, seconds=3.0, edits=1)


def recorded(run, **settings):
    """Of each entity: its components' values, and the timelines, by name; in the order seen."""
    path = RerunConfig(**settings).build(Runtime()).write(run)
    assert path == run / "report.rrd"
    found = {}
    for chunk in RrdReader(path).stream().to_chunks():
        columns = found.setdefault(chunk.entity_path, {})
        for name, values in chunk.to_record_batch().to_pydict().items():
            columns.setdefault(name.rpartition(":")[2], []).extend(values)
    for columns in found.values():
        if "watched" in columns:  # the library sorts rows by time
            order = np.argsort(columns["watched"], kind="stable")
            for name, values in columns.items():
                columns[name] = [values[i] for i in order] if len(values) == len(order) else values
    return found


def entity(person, *parts):
    return rr.new_entity_path(["persons", person, *parts])


def seconds(times):
    return [one / timedelta(seconds=1) for one in times]


def rows(run, person):
    with (run / "frames.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["person"] == person]


@pytest.mark.parametrize("person", PEOPLE)
def test_its_numbers_are_those_of_the_table(run, person):
    found, told = recorded(run), rows(run, person)
    seen = [row for row in told if row["face"] == "1"]
    series = {
        ("label", "truth"): told,
        ("pk", "pk"): seen,
        ("memory", "memory"): seen,
    }
    for (look, column), expected in series.items():
        said = {}
        for dimension in ("arousal", "valence"):
            line = found[entity(person, dimension, look)]
            said[dimension] = [float(row[f"{column}_{dimension}"]) for row in expected]
            assert np.ravel(line["scalars"]) == pytest.approx(said[dimension], abs=0)
            assert seconds(line["time"]) == pytest.approx([float(row["time"]) for row in expected])
        points = np.reshape(found[entity(person, "plane", look)]["positions"], (-1, 2))
        assert points[:, 0] == pytest.approx(said["valence"], abs=1e-6)
        assert -points[:, 1] == pytest.approx(said["arousal"], abs=1e-6)
    for name, expected in {"activation": seen, "units": told}.items():
        values = np.ravel(found[entity(person, name)]["scalars"])
        assert values == pytest.approx([float(row[name]) for row in expected], abs=0)
    clips = found[entity(person, "clip")]
    assert clips["text"] == [[name] for name in dict.fromkeys(row["clip"] for row in told)]
    assert seconds(clips["time"]) == [0, 0, 0]


def test_of_who_has_no_label_or_no_face_there_is_no_line(tmp_path):
    folder = fake_run.make(tmp_path / "run", persons=("anna",), clips=1, labels=False, edits=0)
    told = (folder / "frames.csv").read_text().replace(",1,", ",0,")
    (folder / "frames.csv").write_text(told)
    lines = {path for path, columns in recorded(folder).items() if "scalars" in columns}
    assert lines == {entity("anna", "units")}


def test_faces_are_in_it_where_the_run_keeps_them_and_nowhere_else(run, tmp_path):
    pictures = {path for path, columns in recorded(run).items() if "blob" in columns}
    assert pictures == {entity("anna", "edits", one) for one in ("face", "sheet")}
    bare = fake_run.make(tmp_path / "bare", persons=PEOPLE, clips=1, edits=0)
    assert not any("blob" in columns for columns in recorded(bare).values())


def test_each_recording_is_one_of_its_own_with_a_tab_for_each_of_the_first_persons(run):
    names = set()
    for persons in (1, 2):
        recorded(run, persons=persons)
        reader = RrdReader(run / "report.rrd")
        [kept], [views] = reader.recordings(), reader.blueprints()
        names.add(kept.recording_id)
        tables = [one.to_record_batch() for one in reader.stream(store=views).to_chunks()]
        named = [one[TITLE].to_pylist() for one in tables if TITLE in one.schema.names]
        tabs = {name for column in named for row in column for name in row or ()}
        assert tabs & {*PEOPLE} == {*PEOPLE[:persons]}
    assert len(names) == 2


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_a_run_without_frames_is_an_empty_recording(tmp_path, status):
    (tmp_path / "run.json").write_text(json.dumps(fake_run.about(status=status)))
    assert not [one for one in recorded(tmp_path) if "persons" in one]


def test_of_a_broken_run_it_stays_what_it_was(tmp_path):
    broken = fake_run.make(tmp_path / "run", persons=("anna",), clips=1, edits=0)
    before = RerunConfig().build(Runtime()).write(broken).read_bytes()
    (broken / "frames.csv").write_text("clip,person\n")
    with pytest.raises(InputError, match="no column 'time'"):
        RerunConfig().build(Runtime()).write(broken)
    assert (broken / "report.rrd").read_bytes() == before


def test_the_command_writes_it_and_without_the_extra_says_what_to_install(run, monkeypatch):
    done = CliRunner().invoke(main, ["report", str(run), "--use", "rerun"])
    assert done.output == f"{run / 'report.rrd'}\n"
    monkeypatch.setitem(sys.modules, "rerun", None)
    monkeypatch.delitem(sys.modules, "affmem_report.recording")
    with pytest.raises(PluginError, match=r"'rerun' needs rerun: pip install affmem\[rerun\]"):
        RerunConfig().build(Runtime())


def test_it_is_a_reporter():
    assert isinstance(RerunConfig().build(Runtime()), Reporter)
