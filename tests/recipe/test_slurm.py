"""`--cmd slurm` on a stand-in for a cluster: sbatch that runs the job here, sacct and scancel that know of
it.
"""

import os
import time
from pathlib import Path

import pytest
from submitit.slurm.slurm import SlurmJob

from dada.errors import ConfigError, DadaError
from dada.recipe import runner, slurm
from dada.recipe.job import Job
from dada.recipe.launch import executor
from dada.recipe.recipe import Options, Recipe
from dada.recipe.tasks import Task

ROOT = Path(__file__).parents[2]

SBATCH = r"""#!/bin/bash
if grep -q "partition=nowhere" "$1"; then
  echo "sbatch: error: invalid partition specified: nowhere" >&2
  exit 1
fi
exec 9> "$CLUSTER/lock"; flock 9
id=$(($(cat "$CLUSTER/last" 2> /dev/null || echo 100) + 1)); echo $id > "$CLUSTER/last"
cp "$1" "$CLUSTER/$id.sh"; echo RUNNING > "$CLUSTER/$id.state"
flock -u 9
output=$(sed -n 's/^#SBATCH --output=//p' "$1"); output=${output//%j/$id}
export SLURM_JOB_ID=$id SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 SLURM_PROCID=0 SLURM_LOCALID=0
setsid bash -c 'echo $$ > "$CLUSTER/$1.pid"; bash "$CLUSTER/$1.sh" && state=COMPLETED || state=FAILED
  echo $state > "$CLUSTER/$1.state"' \
    - $id < /dev/null > "$output" 2>&1 9>&- &
echo "Submitted batch job $id"
"""
SRUN = r"""#!/bin/bash
while [[ $1 == -* ]]; do [[ $1 == --output ]] && shift; shift; done
exec "$@"
"""
SACCT = r"""#!/bin/bash
echo "JobID|State|NodeList"
for state in "$CLUSTER"/*.state; do echo "$(basename "$state" .state)|$(cat "$state")|here"; done
"""
SCANCEL = r"""#!/bin/bash
kill -9 -- -$(cat "$CLUSTER/$1.pid"); echo CANCELLED > "$CLUSTER/$1.state"
"""
# What the jobs of these tests run: the toy's stages are no part of the package, and a job starts from
# nothing.
JOBS = """
import os, time
from dada.recipe import catalog, tasks

catalog.PACKAGE = "toy_stages"

def run_task(task):
    return tasks.run_task(task)

def work(task):
    return 1.5

def vanish(task):
    print("out of memory", flush=True)
    os._exit(9)

def sleep(task):
    time.sleep(60)
"""


@pytest.fixture
def cluster(toy, tmp_path, monkeypatch):
    """The folder of the stand-in, with `<id>.sh` and `<id>.state` of every job; runs of the toy go to it."""
    programs, folder = tmp_path / "bin", tmp_path / "cluster"
    programs.mkdir()
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("srun", SRUN), ("sacct", SACCT), ("scancel", SCANCEL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    package = tmp_path / "package"
    (package / "toy_jobs.py").write_text(JOBS)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package), str(ROOT)]))
    monkeypatch.setenv("CLUSTER", str(folder))
    monkeypatch.setattr(slurm, "POLL", 0.1)
    monkeypatch.setattr(SlurmJob, "_results_timeout_s", 0.1)
    import toy_jobs

    monkeypatch.setattr(runner, "run_task", toy_jobs.run_task)
    return folder


def scripts(cluster) -> dict[str, str]:
    """Name of a job -> its script for sbatch."""
    texts = [path.read_text() for path in cluster.glob("*.sh")]
    return {
        next(line.partition("=")[2] for line in text.splitlines() if "--job-name=" in line): text
        for text in texts
    }


def test_jobs_of_a_cluster_give_what_local_processes_do(toy, cluster, monkeypatch):
    """A job for every task with the options of its stage; the one that fails is named, and done again; what
    is up to date needs none.
    """
    (toy.root / "local.yaml").write_text(
        'slurm:\n  options: {partition: short, time: "1:00:00"}\n  gpu: {partition: gpu}\n'
        '  stages: {spell: {time: "2-00:00:00", mem: 8G}}\n'
    )
    from toy_stages import s02_spell

    monkeypatch.setattr(s02_spell, "USES_GPU", True, raising=False)
    options = {"cmd": "slurm", "nj": 3, "ngpu": 2}
    (toy.root / "broken").touch()
    with pytest.raises(
        DadaError, match="(?s)spell, line shard 2 failed: ValueError: the pen broke.*last lines of"
    ):
        toy("protocol=line", **options)
    found = scripts(cluster)
    assert sorted(found) == ["greet-line/x", *(f"spell-line_shard_{i}" for i in (1, 2, 3))]
    first, second = found["greet-line/x"], found["spell-line_shard_2"]
    assert "--partition=short\n" in first and "--time=1:00:00\n" in first and "gres" not in first
    asked = ("partition=gpu", "time=2-00:00:00", "mem=8G", "gres=gpu:1")
    assert all(f"#SBATCH --{option}\n" in second for option in asked)
    (toy.root / "broken").unlink()
    assert "spell line c" in toy("protocol=line", **options) and "greet line/x" not in toy.calls
    assert (toy.root / "exp" / "speller" / "letters").read_text() == "a b c d"
    assert toy("protocol=line", **options) == [] and toy("protocol=line") == []


def test_a_lost_job_is_noticed_and_ctrl_c_cancels_the_rest(toy, cluster, tmp_path):
    """One at a time, as --nj says. What a job leaves is removed where it ended well, and else is there to be
    read.
    """
    import toy_jobs

    recipe = Recipe.load(toy.root, options=Options(cmd="slurm", nj=1))
    tasks = [
        Task(
            recipe,
            "greet",
            Job("greet", name, tmp_path, "greet", "line", (), ()),
            tmp_path / "log" / f"{name}.log",
        )
        for name in "abcd"
    ]
    with pytest.raises(KeyboardInterrupt), executor(recipe) as submit:
        works = toy_jobs.work, toy_jobs.vanish, toy_jobs.sleep, toy_jobs.sleep
        well, lost, *others = (submit(work, task) for work, task in zip(works, tasks, strict=True))
        assert well.result() == 1.5 and list((toy.root / "exp" / "log" / "slurm").glob("101_*")) == []
        assert str(lost.exception()) == "job 102 ended without a result"
        text = tasks[1].log.read_text()
        assert "state: FAILED" in text and "out of memory" in text
        start = time.monotonic()
        while not (cluster / "103.pid").exists() and time.monotonic() < start + 60:
            time.sleep(0.05)
        raise KeyboardInterrupt
    assert [(cluster / f"{number}.state").read_text().strip() for number in (101, 102, 103)] == [
        "COMPLETED",
        "FAILED",
        "CANCELLED",
    ]
    assert not any(future.done() for future in others) and not (cluster / "104.sh").exists()


def test_what_a_cluster_refuses_is_the_users_to_correct(toy, cluster, monkeypatch, tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"sbatch did not take the job of line/x: .*invalid partition.*: correct slurm in .*local\.yaml",
    ):
        toy("protocol=line", "slurm.options.partition=nowhere", cmd="slurm")
    with pytest.raises(ConfigError, match="unknown stage 'spel', did you mean 'spell'"):
        toy("slurm.stages.spel.mem=1G", cmd="slurm")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="finds no sbatch"):
        toy(cmd="slurm")
