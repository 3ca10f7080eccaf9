"""The flags: a new one is a change of design, so it has to be written down here as well."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dada import cli

ROOT = Path(__file__).parents[2]
RUN = {"stage", "stop_stage", "system", "nj", "cmd", "ngpu", "force", "dry_run", "exp", "list"}
MODEL = {"model", "system", "init", "speaker", "seed", "device", "yes", "offline"}
FLAGS = {
    "run": RUN,
    "new-recipe": {
        *("audio", "csv", "protocol", "folders", "columns", "labels", "splits", "split_by"),
        *("seed", "language", "smoke_test", "test_only", "weights", "egs"),
    },
    "validate": {"disjoint", "feats", "sample", "no_audio", "nj", "fix", "json"},
    "detect": MODEL | {"list", "speakers", "window", "hop", "vad", "json", "table", "csv", "timeline", "nj"},
    "export": {"seed", "out", "onnx", "arena", "upload", "licence"},
    "serve": MODEL - {"speaker"} | {"address", "port", "public", "megabytes", "minutes"},
    "explain": MODEL | {"start", "background", "method", "out", "figures", "json"},
    "evaluate": {
        *("scores", "key", "asv_scores", "asv_key", "metrics", "by", "compare", "columns", "key_columns"),
        *(
            "subset",
            "common",
            "submission",
            "submission_format",
            "submission_details",
            "resamples",
            "cluster",
        ),
        *("labels", "threshold", "threshold_scores", "threshold_key", "json"),
    },
    "models": {"json", "weights", "fetch", "yes", "offline", "unverified"},
    "publish": {"exp"},
    "compare-corpora": {"metric", "exp", "dev", "markdown"},
}


def test_every_command_is_written_down():
    files = {path.stem for path in (ROOT / "dada" / "commands").glob("[a-z]*.py")}
    assert set(FLAGS) == set(cli.COMMANDS) and files == {name.replace("-", "_") for name in FLAGS}


@pytest.mark.parametrize("command", FLAGS)
def test_flags_are_these(command):
    flags = {flag for action in cli.build_parser(command)._actions for flag in action.option_strings}
    assert flags == {f"--{name}" for name in FLAGS[command] | {"help", "log_level"}} | {"-h"}


@pytest.mark.parametrize("command", FLAGS)
def test_help_has_an_example_and_describes_every_flag(command, call_dada):
    code, text, _ = call_dada(command, "--help")
    assert code == 0 and text.startswith(f"usage: dada {command} ") and "\nexample:\n" in text
    assert re.search(rf"dada {command}", text.split("example:\n")[1])
    assert all(action.help for action in cli.build_parser(command)._actions)


def test_long_flags_may_have_dashes(call_dada):
    arguments = ["--stop-stage", "3", "--exp=a-b", "corpus.name=x-y", "-h", "--", "--a-b"]
    assert cli.underscored(arguments) == ["--stop_stage", *arguments[1:]]
    assert cli.underscored(["--log-level=a-b=c-d"]) == ["--log_level=a-b=c-d"]
    code, text, _ = call_dada("run", "egs/mini", "--stop-stage", "1", "--dry-run")
    assert code == 0 and text.startswith("# stage 1 prepare_data") and "# stage 2" not in text


def test_a_stage_has_the_flags_of_run():
    from dada.recipe.command import stage_parser

    parser = stage_parser(str(ROOT / "dada" / "stages" / "s02_transcribe.py"))
    flags = {flag for action in parser._actions for flag in action.option_strings}
    assert flags == {
        f"--{name}" for name in RUN - {"stage", "stop_stage"} | {"recipe", "help", "log_level"}
    } | {"-h"}


def test_every_stage_is_a_program():
    stages = sorted((ROOT / "dada" / "stages").glob("s[0-9]*.py"))
    assert len(stages) == 11
    for path in stages:
        assert path.read_text(encoding="utf-8").rstrip().endswith("raise SystemExit(stage_main(__file__))"), (
            path.name
        )


def test_commands_are_listed(call_dada):
    code, text, _ = call_dada()
    assert code == 2 and all(f"  {name} " in text for name in cli.COMMANDS)
    assert call_dada("--help") == (0, text, "")
    code, _, errors = call_dada("detct")
    assert code == 2 and "known: " in errors


@pytest.mark.parametrize("command", FLAGS)
def test_an_argument_error_needs_no_slow_package(command):
    """The parser of a command imports none of the packages that take seconds."""
    script = (
        f"import sys; from dada.cli import build_parser; build_parser({command!r});"
        "print([name for name in ('torch', 'scipy', 'matplotlib', 'transformers', 'omegaconf', 'pandas')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == "[]\n"


def test_a_list_of_the_stages_needs_no_slow_package():
    """Systems, plug-ins and jobs are read and planned without a package that takes seconds."""
    script = (
        "import sys; from dada.cli import main;"
        "codes = [main(['run', 'egs/mini', flag]) for flag in ('--list', '--dry_run')];"
        "print(codes, [name for name in ('torch', 'scipy', 'matplotlib', 'transformers', 'pandas')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "lfcc_lcnn" in done.stdout and done.stdout.endswith("[0, 0] []\n")


def test_every_recipe_lists_its_stages_without_its_corpus(call_dada):
    recipes = sorted(path.parent for path in (ROOT / "egs").glob("*/recipe.yaml"))
    assert len(recipes) > 10
    for recipe in recipes:
        code, text, errors = call_dada("run", recipe, "--list")
        assert code == 0 and " 1 prepare_data: " in text, errors
