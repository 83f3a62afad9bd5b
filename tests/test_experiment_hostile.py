"""Experiments that nobody wrote in good faith: one line each, and at once."""

import os
import sys
import time

import pytest

from affmem.ablation import read as read_ablation
from affmem.cli import main
from affmem.errors import MISTAKES, UserError
from affmem.experiment import load
from affmem.study import read as read_study
from affmem.tuning import read as read_tuning
from hostile.watch import flaws

posix = pytest.mark.skipif(sys.platform == "win32", reason="no pipes among Windows' files")


def said(path):
    began = time.perf_counter()
    with pytest.raises(UserError) as caught:
        load(path)
    assert time.perf_counter() - began < 5
    assert not flaws(str(caught.value), lines=MISTAKES)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a = " + "{a = " * 40_000, "nested too deeply"),
        ("a." * 100_000 + "a = 1", "a key of more than 30 parts"),
        ("['" + "'.'".join("a" * 50) + "']", "a key of more than 30 parts"),
        ("#" * 300_000, "is larger than any such file (0.25 MiB)"),
        ("seed = 1\nseed = 2", "Cannot overwrite a value"),
        ("seed = " + "9" * 5000, "not TOML: Exceeds the limit (4300 digits)"),
        ("seed = 0x" + "f" * 5000, "a whole number of more than 64 bits"),
        (f"seed = {2**63}", "a whole number of more than 64 bits"),
        ("seed = nan", "seed: expected a whole number, got nan"),
        ("resamples = inf", "resamples: expected a whole number, got inf"),
        ("[memory]\nuse = 'gwr'\nactivity_threshold = nan", "activity_threshold"),
        ("[memory]\nuse = 'gwr'\nactivity_threshold = 0x7fffffffffffffff", "activity_threshold"),
        ("s\u0435ed = 1", "not TOML"),  # with a Cyrillic letter
        ('"s\u0435ed" = 1', "no table or key"),
        ('"\\u001b[2J\\n" = 1', "no table or key '\\x1b[2J\\n'"),
        ('"\\u202eabc" = 1', "no table or key '\\u202eabc'"),
        ("k" * 100_000 + " = 1", "no table or key 'kkk"),
        ("".join(f"k{i} = 1\n" for i in range(20_000)), "no table or key 'k39'"),
        ("[dataset]\nuse = 'folder'\nroot = \"a\\u0000b\"", "expected a path, as a string"),
        ('extends = "a\\u0000b"', "embedded null byte"),
        ('extends = "a.toml"', "do they extend one another?"),
        ("extends = 3", "extends: expected a path"),
        ('extends = "."', "is a folder; expected a TOML file"),
        ("\0", "not TOML"),
    ],
)
def test_an_experiment_that_is_none_is_said_at_once(tmp_path, text, words):
    (tmp_path / "a.toml").write_text(text)
    assert words in said(tmp_path / "a.toml")


@posix
@pytest.mark.parametrize("given", ["itself", "extended"])
def test_a_pipe_or_a_device_is_no_experiment(tmp_path, given):
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (str(tmp_path / "pipe.toml"), "/dev/zero", "/dev/stdin"):
        (tmp_path / "a.toml").write_text(f'extends = "{path}"')
        if path != "/dev/stdin":
            words = said(tmp_path / "a.toml" if given == "extended" else tmp_path / path)
            assert "is no ordinary file, but a device or a pipe" in words


@pytest.mark.parametrize("read", [read_study, read_tuning, read_ablation])
@pytest.mark.parametrize("key", ["experiment", "training"])
def test_what_names_another_file_names_an_ordinary_one(tmp_path, read, key):
    for name in ("a\\u0000b", "../" * 50 + "dev/zero", ".", "gone.toml"):
        (tmp_path / "a.toml").write_text(
            f'{key} = "{name}"\n[settings]\n"start.edits" = [1]\n[test]\n[dataset]\n'
        )
        with pytest.raises(UserError) as caught:
            read(tmp_path / "a.toml")
        assert not flaws(str(caught.value), lines=MISTAKES)


@pytest.mark.parametrize("value", ["9" * 5000, "0x" + "f" * 5000, "[" * 5000])
def test_an_override_is_held_to_the_same(tmp_path, capsys, value):
    (tmp_path / "a.toml").write_text("[dataset]\nuse = 'drawn'\n")
    with pytest.raises(SystemExit) as ended:
        main(["check", str(tmp_path / "a.toml"), "--set", f"seed={value}"])
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: --set seed=")
    assert not flaws(shown.removeprefix("error: ").rstrip("\n"), lines=MISTAKES)
