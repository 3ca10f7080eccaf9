"""The flags: a new one is a change of design, so it has to be written down here as well."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dada.cli import COMMANDS

ROOT = Path(__file__).parents[2]
RUN = {
    "stage",
    "stop_stage",
    "system",
    "nj",
    "cmd",
    "ngpu",
    "force",
    "dry_run",
    "exp",
    "log_level",
    "list",
    "help",
}
DETECT = {"model", "system", "init", "speaker", "seed", "json", "log_level", "help"}


def flags(*command: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", *command, "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "example" in done.stdout
    return set(re.findall(r"(?<![\w-])--([a-z_]+)", done.stdout.split("example")[0]))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("dada.cli", "run"), RUN),
        (("dada.stages.s02_transcribe",), RUN - {"stage", "stop_stage"} | {"recipe"}),
        (("dada.cli", "detect"), DETECT),
        (("dada.cli", "models"), {"json", "help"}),
    ],
)
def test_flags_are_these(command, expected):
    assert flags(*command) == expected


def test_every_stage_is_a_program():
    stages = sorted((ROOT / "dada" / "stages").glob("s[0-9]*.py"))
    assert len(stages) == 11
    for path in stages:
        assert path.read_text(encoding="utf-8").rstrip().endswith("raise SystemExit(stage_main(__file__))"), (
            path.name
        )


def test_commands_are_listed():
    done = subprocess.run(
        [sys.executable, "-m", "dada.cli"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 2 and all(f"  {name} " in done.stdout for name in COMMANDS)
    assert set(COMMANDS) == {
        "run",
        "new-recipe",
        "validate",
        "detect",
        "evaluate",
        "models",
        "compare-corpora",
        "explain",
    }
    done = subprocess.run(
        [sys.executable, "-m", "dada.cli", "detct"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 2 and "known: " in done.stderr
