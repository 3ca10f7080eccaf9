"""List the systems: their input, size, published figures, and what the tests verify of each."""

import argparse
import json

from dada import catalogue, system_table
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
    if args.name:
        system_table.require(args.name)
    rows = system_table.read_rows()
    names = [args.name] if args.name else system_table.names()
    chosen = [rows.get(name) or Row(name, "(no row in egs/systems.csv)") for name in names]
    if args.json:
        facts: list | dict = [catalogue.as_facts(row) for row in chosen]
        if args.name:
            facts = {**catalogue.as_facts(chosen[0]), "settings": system_table.settings(args.name)}
        print(json.dumps(facts, indent=1, ensure_ascii=False))
    elif args.name:
        configuration = system_table.configuration(args.name).rstrip()
        print(
            f"{catalogue.in_words(chosen[0], with_tests=True)}\n\n# dada/conf/{args.name}.yaml\n{configuration}"
        )
    else:
        print("\n".join(catalogue.in_words(row) for row in chosen))
