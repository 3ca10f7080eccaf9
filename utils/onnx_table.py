#!/usr/bin/env python3
"""Write the table of docs/onnx.md: which audio systems become ONNX graphs, and by how much these differ.

Published weights are taken where they are in the cache (`dada models --fetch`), else random ones whose batch
statistics are those of noise. It takes some minutes; with names, only their rows are measured again.
"""

import argparse
import logging
import sys
from pathlib import Path

import torch

from dada import checkpoints, models, program
from dada.data import Batch
from dada.errors import ConfigError, DadaError
from dada.experiment.trained import Experiment
from dada.export import onnx
from dada.recipe.config import load_system_config
from dada.score.clip import System
from dada.storage.atomic import write_text
from dada.system_files import configured_systems

EXAMPLE = """
utils/onnx_table.py
utils/onnx_table.py aasist lfcc_lcnn
"""
PAGE = Path(__file__).resolve().parents[1] / "docs" / "onnx.md"
BEGIN, END = "<!-- Table written by utils/onnx_table.py. -->\n", "\n<!-- End of the table. -->"
HEADS = ("system", "weights", *(f"{length / 16_000:.2f} s" for length in onnx.LENGTHS))
log = logging.getLogger("dada")


def audio_systems() -> list[str]:
    """Return the audio systems of dada/conf."""
    return [name for name in configured_systems() if load_system_config(name).task == "audio"]


def loaded(name: str) -> tuple[System, str]:
    """Return a system, and which weights it has. Raise a DadaError where it cannot be built here."""
    config = load_system_config(name)
    config.labels = config.labels or ["bonafide", "A01", "A02"]
    torch.manual_seed(1)
    model = models.build("audio", config.model, len(config.labels))
    published = checkpoints.find(Path(config.init).name if config.init else name)
    if published is not None and checkpoints.is_cached(published):
        models.load_weights(model, "audio", config.model["name"], checkpoints.place(published))
        return System(Experiment(config, config.labels, model.eval()), None), "published"
    system = System(Experiment(config, config.labels, model.eval()), None)
    graph = onnx.Graph(system)
    with torch.no_grad():
        inputs = torch.cat([graph.inputs(onnx.AMPLITUDE * torch.randn(1, onnx.TRACED)) for _ in range(4)])
        model.train()
        for _ in range(5):
            model(Batch(list("abcd"), inputs, torch.full((4,), inputs.shape[-1]), torch.tensor([0, 1] * 2)))
    model.eval()
    return system, "random"


def row_of(name: str) -> tuple[str, ...] | None:
    """Return the cells of a system; None where it cannot be built here."""
    try:
        system, weights = loaded(name)
    except DadaError as error:  # a pretrained encoder is not on the machine
        log.info("%s is left out: %s", name, error)
        return None
    try:
        if hasattr(system.experiment.model, "estimate"):
            raise ConfigError("fitted without gradient; its sums have no form in ONNX")
        content = onnx.exported_bytes(onnx.Graph(system).eval(), name)
        found = onnx.differences(system, content)
    except DadaError as error:
        reason = str(error).partition(" cannot be written as ONNX: ")[2] or str(error)
        log.info("%s: %s", name, reason)
        return (f"`{name}`", "–", f"refused: {reason}")
    cells = [f"{value:.0e}" if value <= onnx.LIMIT else f"**{value:.0e}**" for value in found.values()]
    log.info("%s: %s", name, ", ".join(cells))
    return (f"`{name}`", weights, *cells)


def table(rows: dict[str, tuple[str, ...]]) -> str:
    """Return the table of Markdown."""
    lines = [HEADS, ["---"] * len(HEADS)]
    lines += [(*rows[name], *[""] * (len(HEADS) - len(rows[name]))) for name in sorted(rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def rows_in(text: str) -> dict[str, tuple[str, ...]]:
    """Return system -> cells of the table in a page."""
    inside = text.partition(BEGIN)[2].partition(END)[0]
    cells = [
        tuple(cell.strip() for cell in line.strip("| ").split(" | "))
        for line in inside.splitlines()
        if line.startswith("| `")
    ]
    return {row[0].strip("`"): tuple(cell.rstrip(" |") for cell in row if cell.rstrip(" |")) for row in cells}


def main() -> None:
    """Measure, and write the table."""
    parser = program.parser(__doc__ or "", EXAMPLE)
    parser.add_argument("systems", nargs="*", help="systems to measure (default: all audio systems)")
    args: argparse.Namespace = parser.parse_args()
    program.set_up_logging(args.log_level)
    onnx.require_packages()
    text = PAGE.read_text(encoding="utf-8")
    systems = audio_systems()
    kept = {name: row for name, row in rows_in(text).items() if name in systems}
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    for name in args.systems or systems:
        kept.pop(name, None)
        if (row := row_of(name)) is not None:
            kept[name] = row
        write_text(
            PAGE, f"{before}{BEGIN}\n{table(kept)}{END}{after}"
        )  # a run that is cut short keeps its rows


if __name__ == "__main__":
    sys.exit(program.run(main))
