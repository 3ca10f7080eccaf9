"""`--cmd slurm` on a real cluster: `tools/local_slurm.sh test` starts one and runs this. The suite has the
same machinery on a stand-in (tests/recipe/test_slurm.py).
"""

import hashlib
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fixtures import miniatures

from dada.recipe.job import Job
from dada.recipe.launch import executor
from dada.recipe.recipe import Options, Recipe
from dada.recipe.tasks import Task

ROOT = Path(__file__).parents[1]
NOTICED = 60  # seconds in which a job that was cancelled from outside is named


@pytest.fixture(autouse=True)
def paths(monkeypatch):
    """Jobs find the package and this folder."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "tests"), str(ROOT)]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def make_tasks(folder: Path) -> list[Task]:
    """Two tasks of a recipe without a corpus."""
    (folder / "recipe.yaml").write_text("corpus: {name: toy}\n")
    recipe = Recipe.load(folder, options=Options(nj=2, cmd="slurm"))
    jobs = [Job("prepare_data", name, folder, "toy", "main", (), ()) for name in "ab"]
    return [Task(recipe, "prepare_data", job, folder / f"{job.name}.log") for job in jobs]


@pytest.fixture
def tasks(tmp_path) -> list[Task]:
    return make_tasks(tmp_path)


def ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def wait_for(condition, what: str, seconds: float = 60) -> None:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + seconds, what
        time.sleep(0.1)


def has_begun(task: Task, times: int = 1) -> bool:
    return task.log.exists() and task.log.read_text().count("called") == times


def job_number(task: Task) -> str:
    return ask("squeue", "--noheader", "--format=%F").split()[0]


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.name.startswith("scores") or path.suffix == ".ark"]
    files += folder.rglob("results/*.json")
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file() and ".done" not in path.parts
    }


def test_a_miniature_gives_the_scores_of_local_processes(tmp_path):
    local, cluster = (miniatures.make("asvspoof2019", tmp_path / name) for name in ("local", "cluster"))
    for recipe, flags in ((local, ["--nj", "1"]), (cluster, ["--cmd", "slurm", "--nj", "2"])):
        command = [sys.executable, "-m", "dada.cli", "run", str(recipe), "--stop_stage", "9", *flags]
        done = subprocess.run(
            [*command, "--system", "lfcc_gmm", "protocol=LA"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert "are job" in done.stderr
    found = digests(cluster)
    assert found == digests(local) and len(found) > 4
    assert ask("squeue", "--noheader") == "" and list((cluster / "exp" / "log" / "slurm").iterdir()) == []


def test_a_job_cancelled_from_outside_is_named_and_done_by_a_rerun(tasks):
    import slurm_jobs

    with executor(tasks[0].recipe) as submit:
        lost, well = submit(slurm_jobs.wait, tasks[0]), submit(slurm_jobs.work, tasks[1])
        wait_for(lambda: has_begun(tasks[0]) and has_begun(tasks[1]), "the jobs do not begin")
        start = time.monotonic()
        ask("scancel", f"{job_number(tasks[0])}_0")
        assert "ended without a result, in the state CANCELLED; its log is" in str(lost.exception(NOTICED))
        assert time.monotonic() - start < NOTICED and well.result(NOTICED) == 1.5
    (tasks[0].job.home / "go").touch()
    with executor(tasks[0].recipe) as submit:
        assert submit(slurm_jobs.wait, tasks[0]).result(NOTICED) == 2.5


def test_a_requeued_job_runs_again(tasks, caplog):
    import slurm_jobs

    with caplog.at_level(logging.INFO, "dada"), executor(tasks[0].recipe) as submit:
        future = submit(slurm_jobs.wait, tasks[0])
        wait_for(lambda: has_begun(tasks[0]), "the job does not begin")
        element = f"{job_number(tasks[0])}_0"
        ask("scontrol", "requeue", element)
        wait_for(lambda: "waits in the queue: BeginTime" in caplog.text, "the job is not seen to wait")
        (tasks[0].job.home / "go").touch()
        ask("scontrol", "update", f"JobId={element}", "StartTime=now")
        assert future.result(NOTICED) == 2.5
    assert has_begun(tasks[0], times=2)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_jobs(tasks, how):
    """Ctrl-C cancels its jobs; those of a killed run are cancelled by the next."""
    program = (
        "import pathlib, slurm_cluster as s, slurm_jobs\n"
        "from dada.recipe.launch import executor\n"
        f"a, b = s.make_tasks(pathlib.Path({str(tasks[0].recipe.root)!r}))\n"
        "with executor(a.recipe) as submit:\n"
        "    submit(slurm_jobs.wait, a).result()\n"
    )
    run = subprocess.Popen([sys.executable, "-c", program])
    wait_for(lambda: has_begun(tasks[0]), "the job does not begin")
    run.send_signal(how)
    assert run.wait(60) != 0
    if how == signal.SIGKILL:
        assert ask("squeue", "--noheader") != ""
        with executor(tasks[0].recipe):
            pass
    wait_for(lambda: ask("squeue", "--noheader") == "", "the job goes on")
