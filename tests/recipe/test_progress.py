"""Progress of a stage, by a clock that the test sets."""

import concurrent.futures
import contextlib
import logging
from types import SimpleNamespace

import pytest

from dada.recipe import runner
from dada.recipe.job import Job
from dada.recipe.progress import INTERVAL, Progress, epochs_of
from dada.recipe.tasks import Task


@pytest.fixture
def training(tmp_path):
    """A function that returns the task of a training of 100 epochs, after some epochs of 120 s."""

    def make(name, num_done, phases=(), folds=0):
        train = {"epochs": 100, "phases": list(phases), "folds": folds}
        job = Job("train", name, tmp_path / name, "train", "x", (), (), settings={"train": train})
        if num_done is not None:
            write_log(job.home, [(1, epoch + 1, 120 * (epoch + 1)) for epoch in range(num_done)])
        return Task(SimpleNamespace(), "train", job, tmp_path / f"{name}.log")

    return make


def write_log(folder, rows):
    folder.mkdir(parents=True)
    lines = ["phase,epoch,seconds", *(",".join(map(str, row)) for row in rows)]
    (folder / "log.csv").write_text("\n".join(lines) + "\n")


def test_epochs_of_a_training(training, tmp_path):
    assert str(epochs_of(training("a", 40).job)) == "40 of 100 epochs, about 2.0 h left"
    assert str(epochs_of(training("b", 0).job)) == "0 of 100 epochs"
    assert epochs_of(training("c", None).job) is None  # not begun, or not by gradient
    folded = training("d", 100, folds=2)
    write_log(tmp_path / "d" / "fold_0", [(1, 1, 120.0)])
    assert str(epochs_of(folded.job)) == "101 of 300 epochs, about 6.6 h left"
    # The first phase stopped after one of two epochs, the training in the second of three.
    stopped = training("e", None, phases=[{"epochs": 2}, {"epochs": 3}])
    write_log(tmp_path / "e", [(1, 1, 60.0), (2, 1, 120.0)])
    assert str(epochs_of(stopped.job)) == "2 of 4 epochs, about 2 min left"
    (tmp_path / "e" / "weights.pt").touch()
    assert epochs_of(stopped.job).left == 0


@pytest.mark.parametrize("content", ["", "phase\n1\n", "phase,epoch,seconds\nx,1,2\n", "\udc80"])
def test_a_damaged_table_is_no_progress(training, tmp_path, content):
    task = training("a", 1)
    (tmp_path / "a" / "log.csv").write_bytes(content.encode(errors="surrogateescape"))
    epochs = epochs_of(task.job)
    assert epochs is None or epochs.done == 0


def test_time_left_counts_unfinished_epochs(training, caplog):
    """Two of three trainings run at once: the end of a short one does not hide the epochs of the others."""
    tasks = [training("short", 2), training("long", 3), training("waiting", None)]
    clock = SimpleNamespace(now=0.0)
    progress = Progress("train", tasks, 2, lambda: clock.now)
    with caplog.at_level(logging.INFO, "dada"):
        progress.end(tasks[0], 251.0)
        assert progress.seconds_left() == 97 * 120  # of `long`; `waiting` takes less than that
        progress.report(tasks[1:])
        clock.now = INTERVAL
        progress.report(tasks[1:2])
        progress.report(tasks[1:2])
    assert caplog.messages == [
        "  train: short done in 251.0 s (1 of 3, about 3.2 h left)",
        "  train: long: 3 of 100 epochs, about 3.2 h left",
        "  train: 1 of 3, about 3.2 h left",
    ]


def test_the_runner_reports_what_runs(toy, monkeypatch):
    """Tasks that end only once they are reported."""
    waiting, reported = [], []

    def submit(function, task):
        future = concurrent.futures.Future()
        future.set_running_or_notify_cancel()
        waiting.append((future, function, task))
        return future

    def report(progress, running):
        reported.append([task.label for task in running])
        for future, function, task in waiting:
            future.set_result(function(task))
        waiting.clear()

    monkeypatch.setattr(runner, "executor", lambda recipe: contextlib.nullcontext(submit))
    monkeypatch.setattr(runner, "INTERVAL", 0)
    monkeypatch.setattr(Progress, "report", report)
    assert len(toy(nj=2)) == 8
    assert ["line/x", "dialogue/x"] in reported and ["line shard 1", "line shard 2"] in reported


def test_time_left_of_other_tasks(training):
    tasks = [training(str(i), None) for i in range(5)]
    progress = Progress("score", tasks, 2, lambda: 0.0)
    assert progress.seconds_left() is None and str(progress) == "0 of 5"
    for task, seconds in zip(tasks, (100.0, None, 300.0), strict=False):
        progress.end(task, seconds)
    assert progress.seconds_left() == 200 and str(progress) == "3 of 5, about 3 min left"
    for task in tasks[3:]:
        progress.end(task, 1.0)
    assert progress.seconds_left() == 0 and str(progress) == "5 of 5"
