"""What affmem is made of: pinned, by hash, and the same wheel wherever it is built."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
BUILDS = ("torch", "triton", "cuda-", "nvidia-")
"""What comes in a build for each kind of device, and is pinned by version alone."""


def locked() -> dict[str, tuple[str, int]]:
    """Each package of the lock: its version, and how many files' hashes stand there."""
    found = {}
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        requirement = Requirement(line.partition("--hash")[0].strip())
        version = str(requirement.specifier).removeprefix("==")
        found[canonicalize_name(requirement.name)] = version, line.count("--hash=sha256:")
    return found


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().split()
    return {canonicalize_name(name): pin for name, _, pin in (x.partition("==") for x in lines)}


def test_the_lock_and_the_constraints_name_the_same_versions():
    versions = {name: version for name, (version, _) in locked().items()}
    assert versions == {name: pin for name, pin in pinned().items() if name != "torch"}


def test_every_file_that_the_lock_allows_has_its_hash():
    assert all(hashes for _, hashes in locked().values())
    assert not [name for name in locked() if name.startswith(BUILDS)]


def test_all_that_affmem_may_need_is_in_the_lock():
    names = {*locked(), "torch"}
    affmem = next(one for one in distributions() if one.name == "affmem")
    for line in affmem.requires or ():
        assert canonicalize_name(Requirement(line).name) in names, line


def test_a_wheel_is_the_same_byte_for_byte_wherever_it_is_built(tmp_path):
    wheels = []
    for name, mask in (("here", 0o022), ("elsewhere", 0o077)):
        clone = tmp_path / name / "affmem"
        files = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=False, capture_output=True, text=True,
        )  # fmt: skip
        if files.returncode:
            pytest.skip("this is no clone")
        before = os.umask(mask)
        for one in filter(None, files.stdout.split("\0")):
            if (ROOT / one).is_file():
                (clone / one).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / one, clone / one)
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / name],
            cwd=clone, check=True, capture_output=True,
        )  # fmt: skip
        os.umask(before)
        [wheel] = (tmp_path / name).glob("*.whl")
        wheels.append(hashlib.sha256(wheel.read_bytes()).hexdigest())
    assert wheels[0] == wheels[1]


def test_the_bill_of_materials_names_all_that_is_installed(tmp_path):
    pytest.importorskip("cyclonedx_py")
    bill = tmp_path / "sbom.json"
    subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible",
         "--pyproject", ROOT / "pyproject.toml", "-o", bill, sys.executable],
        check=True, capture_output=True,
    )  # fmt: skip
    named = {canonicalize_name(x["name"]) for x in json.loads(bill.read_text())["components"]}
    requires = next(one for one in distributions() if one.name == "affmem").requires or ()
    wanted = {canonicalize_name(Requirement(x).name) for x in requires if "extra ==" not in x}
    assert wanted <= named
