"""An ablation trains each row with its terms alone, goes on where it was, and says mistakes."""

import json
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import psutil
import pytest
from attrs import evolve
from safetensors.numpy import load_file

from affmem import pictures
from affmem.ablation import read
from affmem.comparison import ablate
from affmem.errors import ExperimentError, InputError, UserError
from affmem.parallel import cores
from affmem.scores import sharpness
from affmem.table import markdown
from affmem_backends.config import DaskConfig, JoblibConfig

EXAMPLE = Path(__file__).parents[1] / "examples" / "table2.toml"
QUICK = ["training.steps=2", "training.width=0.0625", "training.batch=8", "dataset.persons=6",
         "workers=1", "test.persons=3", "resamples=20", "training.precision=fp32",
         "runtime.threads=1"]  # fmt: skip


SMALL = """
training = "{examples}/pk-drawn.toml"
judge = "regressor"
faces = true
[test]
use = "drawn"
faces_per_person = 4
[[rows]]
name = "base"
terms = ["reconstruction"]
paper = [0.03, 0.05]
[[rows]]
name = "base + prior + emotion"
terms = ["reconstruction", "prior", "emotion"]
[[rows]]
name = "regressor"
terms = ["emotion"]
[[rows]]
name = "residual regressor"
terms = ["emotion"]
training = {{ encoder = "residual" }}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "small.toml"
    path.write_text(SMALL.format(examples=EXAMPLE.parent))
    return path


@pytest.fixture(scope="module")
def done(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("ablation") / "out"
    return out, ablate(read(small, [*QUICK, "seeds=[1, 2]"]), out)


def test_the_example_has_the_eight_rows_of_the_paper_and_ours():
    ablation = read(EXAMPLE)
    assert [len(row.paper) for row in ablation.rows] == [2] * 8 + [0, 0, 2, 0]
    assert ablation.rows[7].paper == (0.38, 0.67)
    assert {term for row in ablation.rows for term in row.terms} == {
        part.use for part in ablation.training.terms
    }


def test_every_row_is_scored_with_its_interval_and_its_edits(done):
    out, table = done
    assert json.loads((out / "table.json").read_text()) == table
    assert [row["name"] for row in table["rows"]][1:3] == ["base + prior + emotion", "regressor"]
    for row in table["rows"]:
        for dimension in ("arousal", "valence"):
            assert set(row[dimension]) == {"ccc", "low", "high"}
        assert ("edits" in row) == ("regressor" not in row["name"])
        for figure in row.get("edits", {}).values():
            assert figure["low"] <= next(iter(figure.values())) <= figure["high"]
        if "edits" in row:
            assert {"arousal", "valence", "sharpness"} <= row["edits"].keys()
            assert ("identity" in row["edits"]) == ("identity" in table) != ("missing" in table)
    assert (out / "table.md").read_text() == markdown(table)


def test_a_row_trains_its_own_terms_alone(done):
    out, _ = done
    kept = (out / "rows" / "02" / "seed-2" / "training.toml").read_text()
    assert 'use = "prior"' in kept
    assert 'use = "real"' not in kept
    assert "seed = 2" in kept


def test_a_row_may_train_otherwise_than_the_rest(done):
    out, _ = done
    encoders = [
        tomllib.loads((one / "seed-1" / "training.toml").read_text())["training"]["encoder"]
        for one in sorted((out / "rows").iterdir())
    ]
    assert encoders == ["paper"] * 3 + ["residual"]


def test_done_rows_are_not_done_again_and_the_table_is_the_same(done, small, tmp_path):
    out, table = done
    copy = tmp_path / "out"
    shutil.copytree(out, copy)
    shutil.rmtree(copy / "rows" / "03" / "seed-1")
    before = {one: one.stat().st_mtime_ns for one in copy.glob("rows/*/*/best.safetensors")}
    assert ablate(read(small, [*QUICK, "seeds=[1, 2]"]), copy) == table
    after = {one: one.stat().st_mtime_ns for one in copy.glob("rows/*/*/best.safetensors")}
    assert {one for one in after if after[one] != before.get(one)} == {
        copy / "rows" / "03" / "seed-1" / "best.safetensors"
    }


def test_the_table_and_some_edits_are_pictures_too(done):
    out, table = done
    drawn = (out / "table.svg").read_text()
    assert all(row["name"] in drawn for row in table["rows"])
    assert pictures.read(out / "edits.png").shape[1] > 12 * 96
    height, width, _ = pictures.read(out / "maps.png").shape
    assert height > 2 * len(table["rows"]) * 96  # two faces
    assert width > 4 * 4 * 96  # each, and three edits of it, beside three maps of it
    assert not [one for one in out.iterdir() if one.name.startswith(".")]


def test_a_blurred_picture_is_less_sharp_and_a_flat_one_not_at_all():
    lot = np.random.default_rng(0)
    faces = lot.uniform(-1, 1, (2, 3, 96, 96)).astype(np.float32)
    blurred = (faces + np.roll(faces, 1, 3) + np.roll(faces, 1, 2)) / 3
    assert (sharpness(blurred) < sharpness(faces) / 2).all()
    assert sharpness(np.full_like(faces, 0.3)).max() < 1e-12
    # One white pixel, 2 brighter: the Laplacian is -8 there and 2 at its four neighbours.
    spot = np.full((1, 3, 96, 96), -1.0, np.float32)
    spot[..., 50, 50] = 1.0
    assert sharpness(spot)[0] == pytest.approx((64 + 4 * 4) / 94**2, rel=1e-4)


def test_a_row_has_its_share_of_the_cores_unless_it_says_otherwise(small):
    for words, found in (
        ([], JoblibConfig(workers=1, threads=cores())),
        (["runtime.workers=2"], JoblibConfig(workers=2, threads=max(1, cores() // 2))),
        (["runtime.workers=99"], JoblibConfig(workers=99, threads=max(1, cores() // 4))),
        (["runtime.workers=2", "runtime.threads=3"], JoblibConfig(workers=2, threads=3)),
        (["runtime.backend=dask"], DaskConfig()),
    ):
        assert read(small, words).runtime.config == found


def test_rows_side_by_side_learn_the_same_bit_for_bit(small, tmp_path):
    heard, learnt, tables = [], [], []
    for workers in (1, 2):
        out = tmp_path / f"{workers}"
        asked = [*QUICK, "judge=base + prior + emotion", f"runtime.workers={workers}"]
        ablation = read(small, asked)
        ablation = evolve(ablation, rows=ablation.rows[:2])
        tables.append(ablate(ablation, out, lambda *it: heard.append(it)))
        learnt.append(weights(out))
        assert not (out / ".faces").exists()
    assert tables[0] == tables[1]
    assert learnt[0] == learnt[1]
    assert len(learnt[0]) == 2
    training = [one for one in heard if one[0] == "training rows"]
    assert training == [("training rows", done, 2) for done in range(3)] * 2


def test_rows_side_by_side_learn_from_faces_without_end_on_dask(small, tmp_path):
    asked = [*QUICK, "endless=true", "workers=2", "runtime.backend=dask", "runtime.workers=2"]
    ablation = read(small, asked)
    ablate(evolve(ablation, rows=ablation.rows[1:3]), tmp_path / "out")
    assert len(weights(tmp_path / "out")) == 2


def weights(out):
    """The bits of what each row has learnt."""
    return {
        path.relative_to(out): {name: one.tobytes() for name, one in load_file(path).items()}
        for path in out.glob("rows/*/*/best.safetensors")
    }


def test_a_row_that_a_lost_process_had_finished_is_not_begun_again(done, small, tmp_path):
    out, row = tmp_path / "out", Path("rows", "03", "seed-1")
    shutil.copytree(done[0], out)
    shutil.rmtree(out / row)

    def told(stage, finished, _of):
        if (stage, finished) == ("training rows", 0):
            shutil.copytree(done[0] / row, out / row)

    assert ablate(read(small, [*QUICK, "seeds=[1, 2]"]), out, told) == done[1]


def test_a_folder_that_workers_do_not_see_is_said(small, tmp_path):
    def told(stage, _done, _of):
        if stage == "training rows":
            (tmp_path / "out" / ".faces" / "faces.npy").unlink()

    with pytest.raises(UserError, match=r"out: a worker on .+ expected an --out that all machines"):
        ablate(read(small, [*QUICK, "runtime.workers=2"]), tmp_path / "out", told)


def test_a_mistake_in_one_of_several_rows_is_said(done, small, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(done[0], out)
    for seed in (1, 2):
        (out / "rows" / "01" / f"seed-{seed}" / "done.json").unlink()
    (out / "rows" / "01" / "seed-1" / "training.toml").write_text("[other]")
    with pytest.raises(UserError, match=r"^base, seed 1: .*seed-1: holds another training"):
        ablate(read(small, [*QUICK, "seeds=[1, 2]", "runtime.workers=2"]), out)
    assert not (out / ".faces").exists()


def test_an_interrupt_ends_all_rows_and_the_study_goes_on_from_there(done, small, tmp_path):
    _, table = done
    out = tmp_path / "out"
    sets = [part for one in [*QUICK, "seeds=[1, 2]"] for part in ("--set", one)]
    words = [sys.executable, "-m", "affmem", "ablate", small, *sets, "--out", out, "--jobs", "2"]
    process = subprocess.Popen([*map(str, words), "--quiet"], stderr=subprocess.PIPE, text=True)
    children = []
    while process.poll() is None and not any(out.glob("rows/*/*/training.toml")):
        children = psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.02)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert time.monotonic() - began < 10
    assert said.splitlines()[-1] == f"interrupted; go on with --out {out}"
    assert children
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert not (out / "table.json").exists()
    assert ablate(read(small, [*QUICK, "seeds=[1, 2]"]), out) == table


def test_a_folder_of_another_ablation_is_left_alone(done, small, tmp_path):
    out, _ = done
    with pytest.raises(InputError, match="another ablation"):
        ablate(read(small, [*QUICK, "training.steps=3"]), out)
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        ablate(read(small, QUICK), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('training = "pk-drawn.toml"', "", "training: expected the path of a training"),
        ('"pk-drawn.toml"', '"omg.toml"', "omg.toml is no training"),
        ('"pk-drawn.toml"', '"nowhere.toml"', "nowhere.toml: no such file"),
        ("seeds = [1]", "seeds = []", "seeds"),
        ("seeds = [1]", 'seeds = ["1"]', "seeds: expected a whole number, got '1'"),
        ("seeds", "seds", "no table or key 'seds'; did you mean 'seeds'?"),
        ('judge = "regressor"', 'judge = "regresor"', "did you mean 'regressor'?"),
        ('["reconstruction", "prior"]', '["reconstruction", "prio"]', "did you mean 'prior'?"),
        ('["reconstruction", "prior"]', "[]", "terms"),
        ("[0.03, 0.05]", "[0.03]", "'paper' must be arousal and valence"),
        ('name = "base + prior"', 'name = "base"', "'base' stands there 2 times"),
        (
            'encoder = "alexnet"',
            'encodr = "alexnet"',
            "rows[10].training.encodr: no setting 'encodr'; did you mean 'encoder'?",
        ),
        (
            'encoder = "alexnet"',
            'encoder = "alexnt"',
            "rows[10].training.encoder: no choice 'alexnt'; did you mean 'alexnet'?",
        ),
        (
            'encoder = "alexnet"',
            'steps = "many"',
            "rows[10].training.steps: expected a whole number, got 'many'",
        ),
        ('{ encoder = "alexnet" }', '"alexnet"', "rows[10].training: expected a table"),
        ('use = "drawn"', 'use = "drwan"', "did you mean 'drawn'?"),
    ],
)
def test_a_mistake_is_said(tmp_path, old, new, said):
    for one in EXAMPLE.parent.glob("*.toml"):
        shutil.copy(one, tmp_path)
    path = tmp_path / "a.toml"
    text = EXAMPLE.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError) as caught:
        read(path)
    assert said in str(caught.value)
    assert isinstance(caught.value, ExperimentError | InputError)
