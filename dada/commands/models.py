"""List the systems: their input, size, published figures, and what the tests verify of each."""

import argparse
import json

from dada import system_table
from dada.system_table import Row

EXAMPLE = """
dada models
dada models aasist
dada models --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada models`."""
    parser.add_argument("name", nargs="?", help="a system, to see all of it and its configuration")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> None:
    """Print all systems, or one system with its configuration."""
    configuration = system_table.configuration(args.name).rstrip() if args.name else ""
    rows = system_table.read_rows()
    names = [args.name] if args.name else system_table.names()
    chosen = [rows.get(name) or Row(name, "(no row in egs/systems.csv)") for name in names]
    if args.json:
        facts: list | dict = [as_facts(row) for row in chosen]
        if args.name:
            facts = {**as_facts(chosen[0]), "settings": system_table.settings(args.name)}
        print(json.dumps(facts, indent=1, ensure_ascii=False))
    elif args.name:
        print(f"{in_words(chosen[0], with_tests=True)}\n\n# dada/conf/{args.name}.yaml\n{configuration}")
    else:
        print("\n".join(in_words(row) for row in chosen))


def as_facts(row: Row) -> dict:
    """Return a row as plain values, for JSON."""
    keys = ("figure", "metric", "corpus", "source")
    return {
        **{key: getattr(row, key) for key in ("system", "description", "configuration", "paper")},
        "recipes": row.recipes.split(),
        "input": system_table.input_of(row.system),
        "parameters": int(row.parameters) if row.parameters else None,
        "published": [dict(zip(keys, figure, strict=True)) for figure in system_table.figures(row)],
        "verified": [{"what": what, "test": test or None} for what, test in system_table.verified(row)],
    }


def in_words(row: Row, with_tests: bool = False) -> str:
    """Return a row as text."""
    size = f"{int(row.parameters):,} parameters, " if row.parameters else ""
    lines = [f"{row.system}: {row.description}", f"    {size}input: {system_table.input_of(row.system)}"]
    if row.paper:
        lines[1] += f"; {row.paper}"
    if row.figure:
        lines.append(f"    published: {system_table.published(row)}")
    facts = [
        what + (f" ({test})" if test and with_tests else "") for what, test in system_table.verified(row)
    ]
    lines += (
        [f"    verified: {fact}" for fact in facts]
        if with_tests
        else [f"    verified: {'; '.join(facts) or '-'}"]
    )
    return "\n".join(lines)
