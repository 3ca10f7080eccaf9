"""`--cmd slurm` on a stand-in for a cluster without accounting: sbatch that runs the elements of an array
here, squeue, scancel and scontrol that know of them.

The folder of the stand-in has `<job>/script` and, for every element, `<job>/<element>` with its state and
reason. While the file `idle` exists, nothing starts: a test moves the elements by writing their states.
"""

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dada.errors import ConfigError, DadaError
from dada.recipe import runner, slurm, slurm_array, slurm_commands, slurm_elements
from dada.recipe.job import Job
from dada.recipe.launch import executor
from dada.recipe.recipe import Options, Recipe
from dada.recipe.slurm_elements import Costs, Work, elements, packed
from dada.recipe.tasks import Task

ROOT = Path(__file__).parents[2]

SBATCH = r"""#!/bin/bash
script=${@: -1}
if grep -q "partition=nowhere" "$script"; then
  echo "sbatch: error: invalid partition specified: nowhere" >&2
  exit 1
fi
id=$(($(cat "$CLUSTER/last" 2> /dev/null || echo 100) + 1)); echo $id > "$CLUSTER/last"
mkdir "$CLUSTER/$id"; cp "$script" "$CLUSTER/$id/script"
[[ $(grep -o -- "--array=[^']*" "$script") =~ 0-([0-9]+)%([0-9]+) ]]
last=${BASH_REMATCH[1]} at_once=${BASH_REMATCH[2]}
for ((i = 0; i <= last; i++)); do echo "PENDING|Resources" > "$CLUSTER/$id/$i"; done
if [ ! -e "$CLUSTER/idle" ]; then
  setsid bash -c 'echo $$ > "$1/group"; seq 0 $2 | xargs -P $3 -n 1 element "$1"' \
    - "$CLUSTER/$id" $last $at_once < /dev/null > /dev/null 2>&1 &
fi
echo "$id;stand_in"
"""
ELEMENT = r"""#!/bin/bash
log=$(sed -n "s/^#SBATCH .*--output=\([^']*\).*/\1/p" "$1/script")
export SLURM_ARRAY_TASK_ID=$2
echo "RUNNING|None" > "$1/$2"
bash "$1/script" >> "${log/\%a/$2}" 2>&1 && state=COMPLETED || state=FAILED
[[ $(cat "$1/$2") == CANCELLED* ]] || echo "$state|None" > "$1/$2"
"""
SQUEUE = r"""#!/bin/bash
[ ! -e "$CLUSTER/down" ] || { echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1; }
for argument in "$@"; do [[ $argument != --jobs=* ]] || job=${argument#--jobs=}; done
[ -d "$CLUSTER/$job" ] || { echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1; }
cd "$CLUSTER/$job"
for element in [0-9]*; do echo "$element|$(cat $element)"; done
"""
SCANCEL = r"""#!/bin/bash
cd "$CLUSTER/$1"
for element in [0-9]*; do grep -q "PENDING\|RUNNING" $element && echo "CANCELLED|None" > $element; done
[ ! -e group ] || kill -9 -- -$(cat group)
"""
SCONTROL = 'echo "MaxArraySize            = ${MAX_ARRAY:-1001}"\n'
PROGRAMS = {"sbatch": SBATCH, "element": ELEMENT, "squeue": SQUEUE, "scancel": SCANCEL, "scontrol": SCONTROL}
# What the jobs of these tests run: the toy's stages are no part of the package, and a job starts from
# nothing.
JOBS = """
import os, time
from dada.recipe import catalog, tasks

catalog.PACKAGE = "toy_stages"

class Unportable(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")

def run_task(task):
    return tasks.run_task(task)

def work(task):
    with open(task.log, "a") as log:
        log.write("worked\\n")
    return 1.5

def fail(task):
    raise Unportable("this", "that")

def vanish(task):
    print("out of memory", flush=True)
    os._exit(9)

def sleep(task):
    time.sleep(60)
"""


@pytest.fixture
def cluster(toy, tmp_path, monkeypatch):
    """The folder of the stand-in; runs of the toy go to it."""
    programs, folder = tmp_path / "bin", tmp_path / "cluster"
    programs.mkdir()
    folder.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(text if text.startswith("#!") else f"#!/bin/bash\n{text}")
        (programs / name).chmod(0o755)
    package = tmp_path / "package"
    (package / "toy_jobs.py").write_text(JOBS)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package), str(ROOT)]))
    monkeypatch.setenv("CLUSTER", str(folder))
    monkeypatch.setattr(slurm, "POLL", 0.05)
    monkeypatch.setattr(slurm, "QUERY", 0.1)
    import toy_jobs

    monkeypatch.setattr(runner, "run_task", toy_jobs.run_task)
    return folder


def scripts(cluster) -> list[str]:
    """The scripts of all arrays, in the order of their submission."""
    return [path.read_text() for path in sorted(cluster.glob("*/script"))]


def make_tasks(toy, tmp_path, names="abcd", **options) -> list[Task]:
    recipe = Recipe.load(toy.root, options=Options(cmd="slurm", **options))
    logs = tmp_path / "log"
    logs.mkdir(exist_ok=True)
    jobs = [Job("greet", name, tmp_path, "greet", "line", (), ()) for name in names]
    return [Task(recipe, "greet", job, logs / f"{job.name}.log") for job in jobs]


def wait_for(condition, what="", seconds=60):
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + seconds, what
        time.sleep(0.02)


def test_arrays_of_a_cluster_give_what_local_processes_do(toy, cluster, monkeypatch):
    """Shards run in arrays with the options of their stage; the one that fails is named, and done again; what
    is up to date needs none.
    """
    (toy.root / "local.yaml").write_text(
        'slurm:\n  options: {partition: short, time: "1:00:00", exclusive: ""}\n  gpu: {partition: gpu}\n'
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
    greet, probes, others = scripts(cluster)
    for option in ("job-name=dada-greet", "partition=short", "time=1:00:00", "exclusive", "array=0-0%3"):
        assert f"--{option}\n" in greet.replace("'", ""), greet
    assert "gres" not in greet
    for option in ("partition=gpu", "time=2-00:00:00", "mem=8G", "gres=gpu:1", "array=0-0%3", "requeue"):
        assert all(f"#SBATCH --{option}\n" in script.replace("'", "") for script in (probes, others))
    (toy.root / "broken").unlink()
    assert "spell line c" in toy("protocol=line", **options) and "greet line/x" not in toy.calls
    assert (toy.root / "exp" / "speller" / "letters").read_text() == "a b c d"
    assert toy("protocol=line", **options) == [] and toy("protocol=line") == []
    assert list((toy.root / "exp" / "log" / "slurm").iterdir()) == []


def test_a_lost_job_is_noticed_and_ctrl_c_cancels_the_rest(toy, cluster, tmp_path):
    """One at a time, as --nj says. What a job leaves is removed where it ended well, and else is there to be
    read.
    """
    import toy_jobs

    tasks = make_tasks(toy, tmp_path, "abcde", nj=1)
    works = toy_jobs.work, toy_jobs.fail, toy_jobs.vanish, toy_jobs.sleep, toy_jobs.sleep
    with pytest.raises(KeyboardInterrupt), executor(tasks[0].recipe) as submit:
        well, bad, lost, *others = (submit(work, task) for work, task in zip(works, tasks, strict=True))
        assert well.result() == 1.5
        assert str(bad.exception()) == "Unportable: this and that"
        message = str(lost.exception())
        assert message.startswith("job 101_2 ended without a result, in the state FAILED; its log is ")
        path = Path(message.rpartition(" ")[2])
        assert "out of memory" in path.read_text() and "out of memory" in tasks[2].log.read_text()
        assert not (path.parent / "0.log").exists()
        wait_for(lambda: (cluster / "101" / "3").read_text().startswith("RUNNING"))
        raise KeyboardInterrupt
    states = [(cluster / "101" / str(i)).read_text().partition("|")[0] for i in range(5)]
    assert states == ["COMPLETED", "COMPLETED", "FAILED", "CANCELLED", "CANCELLED"]
    assert not any(future.done() for future in others)


def test_elements_are_followed_through_the_queue(toy, cluster, tmp_path, caplog):
    """What squeue says, and what it cannot say, of elements that wait, are requeued, cancelled, forgotten."""
    import toy_jobs

    (cluster / "idle").touch()
    tasks = make_tasks(toy, tmp_path, nj=4)
    states = cluster / "101"

    def write(element, state, reason="None"):
        (states / str(element)).write_text(f"{state}|{reason}\n")

    with caplog.at_level(logging.INFO, "dada"), executor(tasks[0].recipe) as submit:
        first, second, third, fourth = (submit(toy_jobs.work, task) for task in tasks)
        wait_for(lambda: (states / "3").exists() and list(toy.root.glob("exp/log/slurm/*/array.json")))
        (folder,) = toy.root.glob("exp/log/slurm/*")
        write(0, "PENDING", "BeginTime")  # requeued: waits, then runs
        wait_for(lambda: "job 101 waits in the queue: BeginTime" in caplog.text)
        (cluster / "down").touch()  # the controller does not answer: that tells nothing
        wait_for(lambda: caplog.text.count("does not tell the state of job 101") > slurm.PATIENCE)
        (cluster / "down").unlink()
        write(1, "CANCELLED")
        assert "job 101_1 ended without a result, in the state CANCELLED" in str(second.exception(30))
        assert not first.done() and not third.done()
        for element in (0, 2):
            write(element, "RUNNING")
        slurm_array.main(folder, 0)
        assert first.result(30) == 1.5
        (states / "2").unlink()  # left the queue, and was forgotten
        assert "job 101_2 ended without a result, in the state GONE" in str(third.exception(30))
        shutil.rmtree(states)  # the cluster has forgotten the whole job
        assert "in the state GONE" in str(fourth.exception(30))
    assert "cancelling" not in caplog.text


def test_an_outcome_counts_though_its_element_has_left_the_queue(toy, cluster, tmp_path, monkeypatch):
    """A network file system shows a file later than the queue the end of its job."""
    import toy_jobs

    monkeypatch.setattr(slurm, "PATIENCE", 10_000)
    (cluster / "idle").touch()
    (task,) = make_tasks(toy, tmp_path, "a")
    with executor(task.recipe) as submit:
        future = submit(toy_jobs.work, task)
        wait_for(lambda: list(toy.root.glob("exp/log/slurm/*/array.json")))
        shutil.rmtree(cluster / "101")
        time.sleep(0.3)
        assert not future.done()
        slurm_array.main(next(toy.root.glob("exp/log/slurm/*")), 0)
        assert future.result(30) == 1.5


def test_a_requeued_element_goes_on_from_its_outcomes(toy, cluster, tmp_path):
    import toy_jobs

    (cluster / "idle").touch()
    tasks = make_tasks(toy, tmp_path, "ab")
    group = [Work(toy_jobs.work, task) for task in tasks]
    array = slurm_array.Array.submit(tmp_path / "slurm", "greet", {}, [group], 1)
    slurm_array.main(array.folder, 0)
    array.outcome(0, 1).unlink()
    slurm_array.main(array.folder, 0)
    assert [task.log.read_text().count("worked") for task in tasks] == [1, 2]
    assert array.outcomes() == [(0, 0), (0, 1)]


def test_jobs_of_a_killed_run_are_cancelled_by_the_next(toy, cluster, tmp_path):
    import toy_jobs

    (cluster / "idle").touch()
    (task,) = make_tasks(toy, tmp_path, "a")
    parent = toy.root / "exp" / "log" / "slurm"
    alive, gone = (
        slurm_array.Array.submit(parent, "greet", {}, [[Work(toy_jobs.work, task)]], 1) for _ in range(2)
    )
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    path = gone.folder / "array.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "process": ended.pid}))
    slurm_array.cancel_orphans(parent)
    assert (cluster / "101" / "0").read_text().startswith("PENDING") and alive.folder.exists()
    assert (cluster / "102" / "0").read_text().startswith("CANCELLED") and not gone.folder.exists()


def test_shards_are_grouped_by_their_measured_cost(tmp_path):
    """Two shards of each job run first; the others share elements of ten minutes; a whole job has its own."""
    job, other = (Job("spell", name, tmp_path, "spell", "line", (), ()) for name in "ab")
    shards = [
        Work(len, Task(None, "spell", owner, tmp_path, i, (str(i),), tmp_path / f"{i}"))
        for owner, number in ((job, 5315), (other, 2))
        for i in range(number)
    ]
    wholes = [Work(len, Task(None, "greet", job, tmp_path)) for job in (job, other)]
    costs = Costs()
    assert elements([*wholes, *shards], costs, 1001) == [[work] for work in wholes]
    probes = elements(shards, costs, 1001)
    assert probes == [shards[:2], shards[-2:]]
    for work, seconds in zip([*shards[:2], *shards[-2:]], (9.0, 0.5, 5.0, 6.0), strict=True):
        costs.add(work.task, seconds)
    rest = shards[2:-2]
    groups = elements(rest, costs, 1001)
    assert [len(group) for group in groups] == [1200, 1200, 1200, 1713]
    assert [work for group in groups for work in group] == rest
    assert slurm_elements.ELEMENT_SECONDS == 1200 * 0.5
    assert [len(group) for group in packed([(work, 700.0) for work in rest[:5]], 1001)] == [1] * 5
    assert [len(group) for group in packed([(work, 700.0) for work in rest[:5]], 2)] == [3, 2]
    assert packed([(work, 0.0) for work in rest], 3) == [rest]
    uneven = [(rest[0], 900.0), *((work, 1.0) for work in rest[1:1000])]
    assert [len(group) for group in packed(uneven, 1001)] == [1, 999]
    assert elements(wholes, costs, 1) == [[wholes[0]]]


def test_an_array_is_as_large_as_the_cluster_allows(toy, cluster, tmp_path, monkeypatch):
    import toy_jobs

    monkeypatch.setenv("MAX_ARRAY", "2")
    (cluster / "idle").touch()
    tasks = make_tasks(toy, tmp_path, "abc", nj=8)
    with executor(tasks[0].recipe) as submit:
        futures = [submit(toy_jobs.work, task) for task in tasks]
        for number, size in ((0, 2), (1, 1)):
            wait_for(lambda: len(list(toy.root.glob("exp/log/slurm/*/array.json"))) == 1, "no array")
            (folder,) = toy.root.glob("exp/log/slurm/*")
            assert len(list(folder.glob("*.tasks"))) == size
            for element in range(size):
                slurm_array.main(folder, element)
            assert futures[2 * number].result(30) == 1.5
            wait_for(lambda folder=folder: not folder.exists())
        assert futures[1].done()
    assert slurm_commands.max_array_size() == 2


def test_what_a_cluster_refuses_is_the_users_to_correct(toy, cluster, monkeypatch, tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"sbatch did not take the job of line/x: .*invalid partition.*: correct slurm in .*local\.yaml",
    ):
        toy("protocol=line", "slurm.options.partition=nowhere", cmd="slurm")
    with pytest.raises(ConfigError, match="unknown stage 'spel', did you mean 'spell'"):
        toy("slurm.stages.spel.mem=1G", cmd="slurm")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="finds no sbatch and no squeue and no scancel"):
        toy(cmd="slurm")
