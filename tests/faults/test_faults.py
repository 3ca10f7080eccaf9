"""Damaged files, failing disks and kills: the same results as of an undisturbed run, or one message."""

import contextlib
import os
import random
import signal

import pytest
from faults.damage import DAMAGES
from faults.disks import die_before, failing_disk, unreadable
from faults.faults import ADVICE, ALL, DISKS, EVERY, FILES, KILLS, RUN, SAME
from forked import process

from dada import cli

CASES = [(fault, damage) for fault in FILES for damage in fault.chosen]


def chosen(faults):
    """The faults of a run of the suite; DADA_FAULTS=all tries all."""
    return [fault for fault in faults if EVERY or not fault.is_long]


def test_there_are_many():
    assert len(CASES) + len(chosen(DISKS)) + len(chosen(KILLS)) >= 60
    assert {damage for _, damage in CASES} == {*ALL}


@pytest.mark.parametrize(
    ("fault", "damage"),
    CASES,
    ids=[f"{fault.short_command}, {fault.file}, {damage}" for fault, damage in CASES],
)
def test_damaged_file(tiny, fault, damage):
    for name in fault.without:
        (tiny.root / name).unlink()
    [path] = tiny.root.glob(fault.file)
    if damage in DAMAGES:
        DAMAGES[damage](path)
    with unreadable(path) if damage not in DAMAGES else contextlib.nullcontext():
        done = tiny.dada(fault.command)
    code = 0 if fault.message == SAME else 2
    assert (done.returncode, fault.message in done.stderr) == (code, True), done.stderr
    assert done.stderr.count("error:") == bool(code)
    if code == 0:
        assert tiny.final_results() == tiny.results


@pytest.mark.parametrize(
    "fault", chosen(DISKS), ids=lambda fault: f"{fault.number}, {fault.stage} {fault.folder}"
)
def test_failing_disk(tiny, fault):
    with failing_disk(fault.number, tiny.root / fault.folder):
        done = tiny.dada(f"{RUN} --stage {fault.stage} --stop_stage {fault.stage} --force")
    assert (done.returncode, ADVICE[fault.number] in done.stderr) == (2, True), done.stderr
    assert done.stderr.count("error:") == 1
    check_that_it_goes_on(tiny)


@pytest.mark.parametrize("kill", chosen(KILLS), ids=lambda kill: f"stage {kill.stage}, {kill.file}")
def test_killed(tiny, kill):
    stage = ["--stage", str(kill.stage), "--stop_stage", str(kill.stage)]
    run = process(die_before, kill.file, ["run", str(tiny.root), "--nj", "1", *stage, "--force"])
    run.start()
    run.join()
    assert run.exitcode == -signal.SIGKILL
    check_that_it_goes_on(tiny)


@pytest.mark.parametrize("seed", range(int(os.environ.get("DADA_KILLS", "1"))))
def test_killed_at_random_moments(tiny, seed):
    """DADA_KILLS=10 tries ten rounds of three kills of a whole run, the suite kills once after stage 7."""
    command, moments = ["run", str(tiny.root), "--nj", "1", "--log_level", "error"], random.Random(seed)
    if "DADA_KILLS" in os.environ:
        tiny.reset()
    else:
        command += ["--stage", "8", "--force"]
    for _ in range(3 if "DADA_KILLS" in os.environ else 1):
        run = process(cli.main, command)
        run.start()
        run.join(moments.uniform(0.0, tiny.seconds))
        run.kill()
        run.join()
    check_that_it_goes_on(tiny)


def check_that_it_goes_on(tiny):
    """Run everything without a fault, and expect the results of the undisturbed run."""
    done = tiny.dada(RUN)
    assert done.returncode == 0, done.stderr
    assert tiny.final_results() == tiny.results
    assert not list(tiny.root.rglob("*.partial"))
