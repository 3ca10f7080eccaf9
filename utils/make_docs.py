#!/usr/bin/env python3
"""Write the pages of docs/ that follow from the project.

docs/commands.md is written from the parsers of the commands, docs/systems.md from egs/systems.csv, the
table in docs/weights.md from dada/checkpoints/manifest.yaml, and docs/what_happens_when.md and
docs/odd_inputs.md from the tables in tests/faults. With --check nothing is written, and a page that is out of
date is an error.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from dada import checkpoints, cli, program, system_table
from dada.checkpoints import listing
from dada.errors import DataError
from dada.storage.atomic import write_text
from dada.system_table import Row

EXAMPLE = """
utils/make_docs.py
utils/make_docs.py --check
"""
ROOT = Path(__file__).resolve().parents[1]
COMMANDS_HEAD = """# Commands

<!-- Written by utils/make_docs.py from the parsers in dada/commands/. -->

Every command prints its flags with `--help`. Messages go to stderr, results to stdout. Exit codes are 0 for
success, 1 for a failure, and 2 where the command line, the configuration or the data is wrong.

| command | what it does |
|---|---|
"""


SYSTEMS_HEAD = """# Systems

<!-- Written by utils/make_docs.py from egs/systems.csv. -->

Every configuration in `dada/conf/` runs with `--system NAME` in every recipe that has what it needs. `dada
models` lists the systems in the terminal. `dada models NAME` shows a system with its configuration and with
the tests that verify it.

Published figures are those of the papers, on the corpora of the papers. Figures marked "second-hand" are
quoted in another paper. The last column lists what the tests of this project verify against the source.

| system | description | published | verified |
|---|---|---|---|
"""


FAULTS_HEAD = """# What happens when …

<!-- Written by utils/make_docs.py from the tables in tests/faults/. -->

Each line of these tables is a test. A fault or a bad input ends in one of two ways: in the **same
results**, scores and figures with the bytes of an undisturbed run, or in **one message** that says what is
wrong, where, and what to do, with exit code 2. Nothing half-written stays, and no file is lost.

## A file of a recipe is damaged

Damage is: the file is cut in half, is empty, holds random bytes (garbage), holds a list instead of what it
should, ends with bytes that are not UTF-8, is a folder or a FIFO, or is removed. The recipe has run once.

"""
DISKS_HEAD = """
## The disk is full, or cannot be written

The stage runs again while the disk fails, then everything runs without the fault and ends with the same
results.

"""
KILLS_HEAD = """
## The program is killed

The stage runs again and is killed (SIGKILL) when it is about to give a finished file its name. Then
everything runs and ends with the same results. `DADA_KILLS=10 python -m pytest tests/faults -k random`
kills whole runs at random moments.

"""
TABLE_BEGIN = "<!-- Table written by utils/make_docs.py. -->\n"
TABLE_END = "\n<!-- End of the table. -->"
INPUTS_HEAD = """
## The input is bad

Each ends with exit code 2 and a message that holds the words of the last column.
"""

ODD_HEAD = """# Odd recordings, folders and lists

<!-- Written by utils/make_docs.py from the tables in tests/faults/. -->

Each line of these tables is a test. `dada detect` and `dada validate` read audio in the same way
(`dada.data.sound.read_sound`), and recipes get the same samples. libsndfile reads what it can, and FFmpeg,
through PyAV, the rest. Where nothing else is said, a recording is three seconds long and has 16,000 Hz.

A recording is refused with a message, or read with findings of three levels: a *note* is worth knowing, with
a *doubt* a score rests on less than it should, and with *unusable* no score should be given. `dada validate`
warns of doubts and of unusable recordings, and counts all findings. `dada/data/sound/checks.py` has the
limits, with their reasons.

| finding | meaning |
| --- | --- |
| `cut` | the header states more sound than is there, or the last page or packet is not whole |
| `unfinished` | the header states no length, since its writer could not go back to it |
| `damaged`, `gaps` | packets could not be decoded, or are missing by the clock of the file |
| `tracks` | there are several sound tracks |
| `channels_cancel` | the average of the channels is silent: the loudest, or the first, is used |
| `dead_channel` | a channel is silent and not used |
| `channels_differ` | the channels are different recordings, and are mixed |
| `silent`, `low_level` | the loudest 0.3 s are below -70 or -50 dB of full scale |
| `clipped` | samples are at full scale, or at another ceiling |
| `over_full_scale`, `unscaled` | samples are beyond full scale, or whole numbers in floats |
| `dc`, `zeros` | the samples are off zero on average, or exactly zero for 0.1 s or longer in the middle |
| `narrow_band` | the sound ends below 85 % (doubt: 65 %) of the band of the detector or its training data |
| `short`, `long` | less than 0.3 s (unusable) or 1 s (doubt), or another length than the training data |
| `steady` | its level and its spectrum do not move: a tone, a hum or noise |
| `odd_rate` | its sample rate is none of the usual ones |

Standard input (`-`) and pipes are read by `dada detect`, into memory and up to 1 GiB; a data directory names
files only. These were not tested, for want of an encoder: AMR-WB, Monkey's Audio, RealAudio, and files with
digital rights management.
"""


def outside_code(text: str) -> str:
    """Escape what Markdown would take for HTML, except between backticks.

    >>> outside_code("a <b> in `<c>`")
    'a &lt;b> in `<c>`'
    """
    return "`".join(part if i % 2 else part.replace("<", "&lt;") for i, part in enumerate(text.split("`")))


def argument_row(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Return the line of a table that describes an argument."""
    formatter = parser._get_formatter()
    name = (action.metavar or action.dest) if not action.option_strings else action.option_strings[-1]
    if action.option_strings and action.nargs != 0:
        choices = ",".join(map(str, action.choices or ()))
        name += f" {action.metavar or (f'{{{choices}}}' if choices else action.dest.upper())}"
    text = formatter._expand_help(action) if action.help else ""
    if action.required and action.option_strings:
        text += " (required)"
    text = outside_code(text.replace(f"{ROOT}/", "")).replace("|", "\\|")
    return f"| `{name}` | {text} |\n"


def command_section(command: str) -> str:
    """Return the section of a command: its description, arguments and example."""
    parser = cli.build_parser(command)
    rows = (
        argument_row(parser, action)
        for action in parser._actions
        if "--help" not in action.option_strings and action.help != argparse.SUPPRESS
    )
    example = cli.load(command).EXAMPLE.strip()
    return (
        f"\n## dada {command}\n\n{outside_code(parser.description or '')}\n\n"
        f"```sh\n{example}\n```\n\n| argument | meaning |\n|---|---|\n{''.join(rows)}"
    )


def commands_page() -> str:
    """Return docs/commands.md. It does not depend on the width of a terminal or on the version of Python."""
    contents = "".join(
        f"| [`dada {name}`](#dada-{name}) | {summary} |\n" for name, summary in cli.COMMANDS.items()
    )
    return COMMANDS_HEAD + contents + "".join(command_section(name) for name in cli.COMMANDS)


def systems_page(rows: dict[str, Row]) -> str:
    """Return docs/systems.md, a table with a line for each system."""
    lines = []
    for name, row in sorted(rows.items()):
        paper = f" ({row.paper})" if row.paper else ""
        verified = "; ".join(what for what, _ in system_table.verified(row))
        cells = (f"`{name}`", row.description + paper, system_table.published(row), verified)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") or "–" for cell in cells) + " |\n")
    return SYSTEMS_HEAD + "".join(lines)


def markdown_table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of Markdown."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def faults_page() -> str:
    """Return docs/what_happens_when.md."""
    sys.path.insert(0, str(ROOT / "tests"))
    faults, inputs = (importlib.import_module(f"faults.{name}") for name in ("faults", "bad_inputs"))
    files = [
        (
            f"`{fault.file}`" + ", training interrupted" * bool(fault.without),
            ", ".join(fault.damages),
            f"`dada {fault.short_command}`",
            fault.does,
        )
        for fault in faults.FILES
    ]
    disks = [(os.strerror(number), advice) for number, advice in faults.ADVICE.items()]
    stages = ", ".join(f"{number} {name}" for number, name in faults.STAGES.items())
    kills = [(f"{kill.stage} {faults.STAGES[kill.stage]}", f"`{kill.file}`") for kill in faults.KILLS]
    parts = [
        FAULTS_HEAD + markdown_table(("file", "damage", "command", "the program"), files),
        DISKS_HEAD + markdown_table(("error of the system", "message"), disks) + f"\nStages: {stages}.\n",
        KILLS_HEAD + markdown_table(("stage", "file"), kills),
        INPUTS_HEAD,
    ]
    for title, cases in inputs.INPUTS.items():
        commands: dict[tuple[str, str], list[str]] = {}
        for case in cases:
            commands.setdefault((case.what, case.message), []).append(f"`{case.command.partition(' ')[0]}`")
        rows = [(what, ", ".join(names), f"`{message}`") for (what, message), names in commands.items()]
        parts.append(f"\n### {title}\n\n" + markdown_table(("input", "command", "message"), rows))
    return "".join(parts)


def with_table(page: Path, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a page with another table between its two comments, which say what writes it."""
    text = page.read_text(encoding="utf-8")
    begin, end = text.index(TABLE_BEGIN) + len(TABLE_BEGIN), text.index(TABLE_END)
    return f"{text[:begin]}\n{markdown_table(heads, rows)}{text[end:]}"


def weights_page() -> str:
    """Return docs/weights.md."""
    rows = listing.table_rows(checkpoints.checkpoints().values())
    return with_table(ROOT / "docs" / "weights.md", listing.COLUMNS, rows)


def odd_inputs_page() -> str:
    """Return docs/odd_inputs.md."""
    sys.path.insert(0, str(ROOT / "tests"))
    sounds, lists = (importlib.import_module(f"faults.{name}") for name in ("odd_sounds", "odd_lists"))
    parts = [ODD_HEAD]
    for title, cases in {**sounds.SOUNDS, **lists.ODD_LISTS}.items():
        rows = [(outside_code(case.what), case.does()) for case in cases]
        parts.append(f"\n## {title}\n\n" + markdown_table(("input", "the program"), rows))
    return "".join(parts)


def pages() -> dict[Path, str]:
    """Return the wanted content of every page that is generated."""
    rows = system_table.read_rows(ROOT / "egs" / "systems.csv")
    docs = ROOT / "docs"
    return {
        docs / "commands.md": commands_page(),
        docs / "systems.md": systems_page(rows),
        docs / "weights.md": weights_page(),
        docs / "what_happens_when.md": faults_page(),
        docs / "odd_inputs.md": odd_inputs_page(),
    }


def stale_pages() -> dict[Path, str]:
    """Return those pages whose file is missing or differs."""
    return {
        path: text
        for path, text in pages().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def main() -> None:
    """Write the pages, or raise DataError where one is out of date."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument(
        "--check", action="store_true", help="write nothing: exit code 2 where a page is out of date"
    )
    args = parser.parse_args()
    program.set_up_logging(args.log_level)
    stale = stale_pages()
    if stale and args.check:
        names = ", ".join(path.relative_to(ROOT).as_posix() for path in stale)
        raise DataError(f"out of date: {names}: run utils/make_docs.py")
    for path, text in stale.items():
        write_text(path, text)


if __name__ == "__main__":
    sys.exit(program.run(main))
