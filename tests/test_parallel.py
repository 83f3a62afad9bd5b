"""Work in other processes: on as many threads as it is told, and of one version."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import cv2
import pytest
import torch

from affmem.errors import UserError
from affmem.experiment import backend
from affmem.parallel import _elsewhere, parallel, pinned
from affmem.protocols import Runtime


def dask(**settings):
    return backend({"runtime": {"backend": "dask", **settings}}).build(Runtime())


def threads_of(count):
    with pinned(count):
        torch.ones(8) @ torch.ones(8)
        return torch.get_num_threads(), cv2.getNumThreads()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_pinned_it_computes_on_so_many_threads_also_where_nothing_was_computed_yet(count):
    before = torch.get_num_threads(), cv2.getNumThreads()
    with ThreadPoolExecutor(1) as fresh:
        assert fresh.submit(threads_of, count).result() == (count, count)
    assert threads_of(count) == (count, count)
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before


def test_a_worker_of_another_version_is_said():
    with pytest.raises(
        UserError, match=r"^a worker has affmem \d.*, who started it 0\.0; expected"
    ):
        _elsewhere("0.0", abs, -1)


def test_where_there_is_nothing_to_do_nothing_is_started():
    assert list(parallel(abs, [], 0, dask(address="tcp://127.0.0.1:1"))) == []


def test_several_clusters_of_one_machine_do_not_meet():
    with closing(socket.socket()) as taken:
        with suppress(OSError):  # by whoever else has it
            taken.bind(("", 8787))
            taken.listen()
        assert sorted(parallel(abs, [-1, 2], 2, dask(workers=2))) == [1, 2]


def test_what_is_ended_early_waits_for_no_job_of_a_cluster_that_goes_on():
    dask()
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
    ) as others:  # fmt: skip
        results = parallel(time.sleep, [0, *[2] * 20], 21, dask(address=others.scheduler_address))
        next(results)
        began = time.monotonic()
        results.close()
        assert time.monotonic() - began < 10
