import concurrent.futures
import contextlib
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from dada import devices
from dada.errors import DadaError
from dada.recipe import runner, tasks
from dada.recipe.options import Options
from dada.recipe.pools import Pools


def a_task(name="x", stage="score", part="part", **options):
    """What a pool and the runner look at."""
    recipe, job = SimpleNamespace(options=Options(**options)), SimpleNamespace(name=name)
    return SimpleNamespace(recipe=recipe, stage=stage, part=part, job=job, label=name, log=Path("no.log"))


def visible(_):
    time.sleep(0.2)  # so that the other process takes the next task
    return os.environ.get(devices.VISIBLE), os.getpid()


@pytest.mark.parametrize(
    "stage, part, ngpu, gpu, distributed",
    [
        ("score", "part", 0, False, False),
        ("score", "part", 1, True, False),
        ("evaluate", None, 1, False, False),
        ("train_audio", None, 1, True, False),
        ("train_audio", None, 2, False, True),
        ("train_audio", "part", 2, True, False),  # outputs and folds
        ("train_text", None, 2, True, False),
        ("explain", None, 2, True, False),
    ],
)
def test_where_a_task_computes(stage, part, ngpu, gpu, distributed):
    task = a_task(stage=stage, part=part, ngpu=ngpu)
    assert (tasks.on_gpu(task), tasks.is_distributed(task)) == (gpu, distributed)


def test_each_process_sees_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setenv(devices.VISIBLE, "5,3")
    task = a_task(nj=1, ngpu=2)
    with contextlib.closing(Pools(task.recipe.options)) as pools:
        seen = [future.result() for future in [pools.submit(visible, task) for _ in range(4)]]
    assert {name for name, _ in seen} == {"5", "3"} and len({process for _, process in seen}) == 2
    assert len(set(seen)) == 2  # none changes its GPU


@pytest.mark.parametrize("at_once", [1, 2, None])
def test_no_more_tasks_run_at_once(monkeypatch, at_once):
    running, most, lock = 0, 0, threading.Lock()

    def run(task):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return 0.0

    monkeypatch.setattr(runner, "run_task", run)
    done = []
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        made = [a_task(str(i)) for i in range(6)]
        runner._run_tasks(
            made,
            SimpleNamespace(name="score"),
            pool.submit,
            lambda job, _: done.append(job.name),
            {},
            at_once,
        )
    assert sorted(done) == list("012345")
    assert most <= (at_once or 6) and (at_once or most > 2)


def test_the_death_of_all_processes_ends_the_run():
    def submit(function, task):
        raise concurrent.futures.BrokenExecutor("gone")

    stage = SimpleNamespace(name="score")
    with pytest.raises(DadaError, match="stage score, x failed: BrokenExecutor: gone"):
        runner._run_tasks([a_task()], stage, submit, lambda *_: None, {}, 2)
