"""Profiles of the property tests, chosen by HYPOTHESIS_PROFILE."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # each of several processes has a core, not all of them
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

import postgres

slow_machines = [HealthCheck.too_slow]
settings.register_profile("default", deadline=None, suppress_health_check=slow_machines)
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=slow_machines
)
settings.register_profile(
    "thorough", deadline=None, max_examples=2000, suppress_health_check=slow_machines
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL's URL, to which a database's name is added, and its data folder."""
    if postgres.found() is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    with postgres.served("fsync=off") as (url, data):
        yield url, data
