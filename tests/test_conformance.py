"""The kit: every bundled part passes it, and each of its checks catches what only it can."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from affmem.catalogue import KINDS, catalogue
from affmem.cli import main
from affmem.conformance import CHECKS, Subject, conforms, examine, named
from affmem.conformance.every import PROTOCOLS
from affmem.conformance.subject import difference, promise
from broken_parts import BROKEN, SOUND

MACHINE = "whatever_is_done_to_it"
"""It does all that others do, and so may fail where one of them does."""
SETTINGS = {
    "maker:omg": ["persons=1", "utterances=1", "seconds=0.2", "width=160", "height=120"],
    "dataset:drawn": ["persons=2", "faces_per_person=3"],
    "dataset:acted": ["persons=2", "seconds=2"],
    "dataset:rendered": ["persons=2", "faces_per_person=2"],
}


def failed(subject):
    return {one.check for one in examine(subject) if not one.passed}


def test_every_kind_has_its_checks_and_its_protocol():
    assert [*CHECKS] == [*PROTOCOLS]
    assert set(CHECKS) == set(KINDS)


@pytest.mark.parametrize("subject", SOUND, ids=lambda one: f"{one.kind}-{one.name}")
def test_a_sound_part_passes(subject):
    assert [str(one) for one in examine(subject) if not one.passed] == []


@pytest.mark.parametrize(("check", "subject"), BROKEN)
def test_a_broken_part_fails_just_the_check_that_is_for_it(check, subject):
    assert failed(subject) - ({MACHINE} - {check}) == {check}


def test_no_check_is_without_a_part_that_fails_it():
    caught = {(subject.kind, check) for check, subject in BROKEN}
    general = {check.__name__ for check in CHECKS["trainer"]}
    for kind, checks in CHECKS.items():
        for check in checks:
            name = check.__name__
            assert (kind, name) in caught or name in general & {one for _, one in caught}, name
