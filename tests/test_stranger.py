"""A plugin by somebody else, from being written to being uninstalled, in its own environment."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_a_stranger_comes_is_used_breaks_and_goes():
    done = subprocess.run(
        ["bash", Path(__file__).with_name("stranger.sh")],
        env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
