"""Experiments: TOML to values and back, and a line for every mistake."""

import string
from pathlib import Path

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from affmem import ExperimentError, InputError, UserError
from affmem.catalogue import catalogue
from affmem.experiment import Experiment, Training, dumps, load
from affmem.settings import settings

EXAMPLES = Path(__file__).parents[1] / "examples"
OTHERS = ("[[rows]]", "[settings]")
ONES = sorted(
    one for one in EXAMPLES.glob("*.toml") if not any(table in one.read_text() for table in OTHERS)
)
OMG = (EXAMPLES / "omg.toml").read_text().replace('use = "personal"', 'use = "gwr"')


@pytest.fixture
def write(tmp_path):
    def write(text, name="a.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("path", ONES, ids=lambda path: path.stem)
def test_every_example_is_sound_and_survives_toml(path, write):
    experiment = load(path)
    assert load(write(dumps(experiment))) == experiment
    hash(experiment)


def test_a_file_with_a_training_is_one():
    assert isinstance(load(EXAMPLES / "pk-drawn.toml"), Training)
    assert isinstance(load(EXAMPLES / "omg.toml"), Experiment)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("edits = 200", "edits = 0", "start: 'edits' must be >= 1: 0"),
        ("edits = 200", 'edits = "200"', "start.edits: expected a whole number, got '200'"),
        ("edits = 200", "edits = 2.5", "start.edits: expected a whole number, got 2.5"),
        ("edits = 200", "edits = true", "start.edits: expected a whole number, got True"),
        ("edits = 200", "edit = 200", "start.edit: no setting 'edit'; did you mean 'edits'?"),
        ("seed = 1", "seed = -1", "seed: 'seed' must be >= 0: -1"),
        ("seed = 1", "sed = 1", "no table or key 'sed'; did you mean 'seed'?"),
        ("[memory]", "[memmory]", "no table or key 'memmory'; did you mean 'memory'?"),
        ('use = "gwr"', 'use = "gwrr"', "memory.use: no memory 'gwrr'; did you mean 'gwr'?"),
        ('use = "gwr"', "", "memory.use: is missing; known: gamma-gwr, gng, gwr"),
        ('use = "gwr"', 'use = "gwr"\nactivity_threshold = 2.0', "activity_threshold"),
        ('use = "gwr"', 'use = "gwr"\nnearest = 3', "when_full (memory 'gwr')"),
        ('split = "test"', 'split = "tset"', "did you mean 'test'?"),
        ('use = "gwr"', 'use = "gwr"\nscale = "dat"', "expected a number or 'data'"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(write, old, new, told):
    assert old in OMG
    path = write(OMG.replace(old, new))
    with pytest.raises(ExperimentError) as caught:
        load(path)
    assert len(caught.value.lines) == 1
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)


def test_all_mistakes_are_told_at_once(write):
    text = OMG.replace("seed = 1", "seed = -1").replace("edits = 200", "edits = 0")
    with pytest.raises(ExperimentError) as caught:
        load(write(text.replace('use = "mtcnn"', 'use = "mtcn"')))
    assert len(caught.value.lines) == 3


def test_a_syntax_error_names_line_and_column(write):
    with pytest.raises(InputError, match=r"line 2, column 9"):
        load(write("seed = 1\nsplit = = 3"))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a = " + b"[" * 5000])
def test_what_is_no_toml_is_refused(tmp_path, content):
    (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(InputError, match="not TOML"):
        load(tmp_path / "a.toml")


def test_absent_files_and_folders_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(InputError, match="is a folder"):
        load(tmp_path)


def test_extends_takes_over_and_a_new_part_begins_anew(write, tmp_path):
    write(OMG.replace('use = "gwr"', 'use = "gwr"\nactivity_threshold = 0.5'), "base.toml")
    same = load(write('extends = "base.toml"\n[memory]\nmax_age = 7'))
    assert (same.memory.config.activity_threshold, same.memory.config.max_age) == (0.5, 7)
    other = load(write('extends = "base.toml"\n[memory]\nuse = "none"'))
    assert other.memory.use == "none"


def test_files_that_extend_one_another_are_refused(write):
    path = write('extends = "a.toml"')
    with pytest.raises(InputError, match="extend one another"):
        load(path)


def test_a_path_starts_from_the_folder_of_the_file_it_stands_in(tmp_path):
    (tmp_path / "sub").mkdir()
    text = OMG.replace("split =", 'root = "data"\nsplit =')
    (tmp_path / "sub" / "base.toml").write_text(text)
    (tmp_path / "a.toml").write_text('extends = "sub/base.toml"')
    assert load(tmp_path / "a.toml").dataset.config.root == tmp_path / "sub" / "data"


def test_overrides_are_toml_or_else_strings(write):
    path = write(OMG)
    assert load(path, ["memory.use=none"]).memory.use == "none"
    assert load(path, ["seed=7"]).seed == 7
    assert load(path, ["memory.activity_threshold=0.6"]).memory.config.activity_threshold == 0.6
    for wrong in ("seed", "=3", "a.b.c.d=1", "memory.=1"):
        with pytest.raises(UserError, match="expected KEY=VALUE"):
            load(path, [wrong])


def test_an_override_finds_a_table_in_a_list_by_its_name():
    path = EXAMPLES / "pk-small.toml"
    changed = load(path, ["dataset.rendered.root=meshes", "terms.edit.weight=0.7"])
    assert [part.use for part in changed.dataset] == ["drawn", "rendered"]
    assert changed.dataset[1].config.root == Path.cwd() / "meshes"
    assert changed.terms[-1].config.weight == 0.7
    assert changed.terms[:-1] == load(path).terms[:-1]
    for wrong, told in {
        "dataset.drawm.persons=1": "did you mean 'drawn'?",
        "dataset.persons=1": "'dataset' is a list; expected dataset.NAME.persons",
        "training.pk.steps=1": "training.pk: no setting 'pk'",
        "workers.pk.steps=1": "'workers' is no list of tables here",
    }.items():
        with pytest.raises(UserError) as caught:
            load(path, [wrong])
        assert told in str(caught.value)


CONFIGS = [
    (kind, name, config)
    for kind, parts in catalogue().parts.items()
    for name, config in parts.items()
]


@pytest.mark.parametrize(("kind", "name", "config"), CONFIGS, ids=lambda one: str(one)[:20])
@given(data=st.data())
def test_any_setting_misspelt_by_a_letter_is_answered_with_its_name(kind, name, config, data):
    known = [one.name for one in fields(config) if len(one.name) > 3]
    if not known:
        return
    right = data.draw(st.sampled_from(known))
    place = data.draw(st.integers(0, len(right) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase))
    wrong = right[:place] + letter + right[place + 1 :]
    if wrong in {one.name for one in fields(config)}:
        return
    with pytest.raises(ExperimentError) as caught:
        settings({wrong: 1}, config, "")
    assert "did you mean" in str(caught.value)
    assert right in str(caught.value)
