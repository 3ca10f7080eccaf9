"""List the systems: their input, size, published figures, and what the tests verify of each.

With --weights, list the published weights that can be fetched by name, and whether they are on this machine.
With --fetch, fetch one into the cache (DADA_CACHE, else $XDG_CACHE_HOME/dada, else ~/.cache/dada).
"""

import argparse
import json
from dataclasses import replace

from dada import checkpoints, system_table
from dada.checkpoints import Consent, listing
from dada.errors import UserError
from dada.system_table import Row

EXAMPLE = """
dada models
dada models aasist
dada models --json
dada models --weights
dada models --fetch aasist --yes
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada models`."""
    parser.add_argument("name", nargs="?", help="a system, to see all of it and its configuration")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--weights", action="store_true", help="list the published weights instead")
    parser.add_argument("--fetch", metavar="NAME", help="fetch published weights, and print their path")
    parser.add_argument(
        "--unverified",
        action="store_true",
        help="with --fetch: also a file of which no digest is known, so that nothing tells a wrong one",
    )
    add_consent_arguments(parser)


def add_consent_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags that allow or forbid to fetch published weights."""
    parser.add_argument("--yes", action="store_true", help="fetch published weights without a question")
    parser.add_argument("--offline", action="store_true", help="fetch nothing (as with HF_HUB_OFFLINE=1)")


def consent_of(args: argparse.Namespace) -> Consent:
    """Return what the flags of `add_consent_arguments` say."""
    return Consent(args.yes, args.offline)


def run(args: argparse.Namespace) -> None:
    """Print all systems, or one system with its configuration, or the published weights; or fetch some."""
    if args.name and (args.weights or args.fetch):
        raise UserError(f"{args.name!r} goes neither with --weights nor with --fetch: leave it out")
    if args.fetch:
        consent = replace(consent_of(args), unverified=args.unverified)
        print(checkpoints.locate(checkpoints.named(args.fetch), consent))
    elif args.weights:
        show_weights(args.json)
    else:
        show_systems(args.name, args.json)


def show_weights(as_json: bool) -> None:
    """Print the published weights."""
    entries = checkpoints.checkpoints().values()
    if as_json:
        print(json.dumps([listing.as_facts(entry) for entry in entries], indent=1, ensure_ascii=False))
    else:
        print("\n".join(listing.in_words(entry) for entry in entries))


def show_systems(name: str | None, as_json: bool) -> None:
    """Print all systems, or one with its configuration."""
    configuration = system_table.configuration(name).rstrip() if name else ""
    rows = system_table.read_rows()
    chosen = [
        rows.get(system) or Row(system, "(no row in egs/systems.csv)")
        for system in ([name] if name else system_table.names())
    ]
    if as_json:
        facts: list | dict = [as_facts(row) for row in chosen]
        if name:
            facts = {**as_facts(chosen[0]), "settings": system_table.settings(name)}
        print(json.dumps(facts, indent=1, ensure_ascii=False))
    elif name:
        print(f"{in_words(chosen[0], with_tests=True)}\n\n# dada/conf/{name}.yaml\n{configuration}")
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
        "weights": [entry.name for entry in checkpoints.of_system(row.system)],
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
    weights = ", ".join(entry.name for entry in checkpoints.of_system(row.system))
    return "\n".join(lines + [f"    published weights: {weights}"] * bool(weights))
