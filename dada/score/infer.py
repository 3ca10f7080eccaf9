"""Outputs of models over splits, kept as arks."""

from pathlib import Path

import torch

from dada.data.arks import ArkReader, write_ark
from dada.models.inference import Outputs, run_model, scores_from_logits

__all__ = ["Outputs", "read_outputs", "run_model", "scores_from_logits", "write_outputs"]


def write_outputs(folder: Path, outputs: Outputs) -> None:
    """Write logits.scp and then embed.scp, with their arks, one vector per utterance."""
    order = sorted(range(len(outputs.utts)), key=lambda i: outputs.utts[i].encode())
    for name, rows in (("logits", outputs.logits), ("embed", outputs.embeddings)):
        write_ark(Path(folder) / f"{name}.scp", ((outputs.utts[i], rows[i].numpy()) for i in order))


def read_outputs(folder: Path) -> Outputs:
    """What `write_outputs` wrote, sorted by utterance. Raises DataError where it is missing."""
    logits, embeddings = ArkReader(Path(folder) / "logits.scp"), ArkReader(Path(folder) / "embed.scp")
    utts = list(embeddings)
    stack = [torch.stack([torch.tensor(reader[utt]) for utt in utts]) for reader in (logits, embeddings)]
    return Outputs(utts, *stack)
