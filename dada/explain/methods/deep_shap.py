"""DeepSHAP: the multipliers of the rescale rule, averaged over a background (Lundberg and Lee, NeurIPS 2017,
section 4.2).

phi(x) = mean over b of m(x, b) * (x - b), which adds up to f(x) - mean f(b). Works on networks of
convolutions, linear layers, BatchNorms, activations element by element, max-feature-maps, pools, sums,
products and concatenations, as they are; others are refused.

Axes: B utterances, b backgrounds, K targets.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.explain.methods._coverage import check_covered
from dada.explain.methods._gradient import NoGradient
from dada.explain.methods._rescale import Entry, RescaleMode

BYTES_PER_KEPT = 3  # the graph, the multipliers and the linear operations between take as much again
MAX_BYTES = 1.2e9  # of maps of the background that are kept at once, beyond one utterance's


def attribute(
    model: nn.Module, batch: Batch, background: Batch, targets: Sequence[int], max_bytes: float = MAX_BYTES
) -> tuple[Tensor, Tensor]:
    """Values (B, K, ...) and base values (B, K). Raises NotCovered for a network with other operations.

    As many backgrounds as fit into about `max_bytes` go through the network at once, one at least.
    """
    weights = {name: value.detach() for name, value in model.named_parameters()}  # without gradient
    inputs = batch.inputs
    values = torch.zeros(
        len(batch), len(targets), *inputs.shape[1:], dtype=inputs.dtype, device=inputs.device
    )
    base = torch.zeros(len(targets), dtype=torch.float64, device=inputs.device)
    chunk_size = max(1, int(max_bytes / try_out(model, weights, background)))
    for start in range(0, len(background), chunk_size):
        part = rows(background, slice(start, start + chunk_size))
        tape: list[Entry] = []
        logits = run(model, weights, part, tape, explaining=False)
        base += logits.detach().double().sum(0)[list(targets)]
        for i in range(len(batch)):
            run(model, weights, rows(batch, slice(i, i + 1)), tape, explaining=True)
            change = inputs[i] - part.inputs.detach()
            for k, target in enumerate(targets):
                (multipliers,) = torch.autograd.grad(logits[:, target].sum(), part.inputs, retain_graph=True)
                values[i, k] += (multipliers * change).sum(0)
    base = (base / len(background)).to(values.dtype)
    return values / len(background), base.expand(len(batch), -1)


def try_out(model: nn.Module, weights: dict[str, Tensor], background: Batch) -> int:
    """Run one background and return the bytes that it takes. Raise NotCovered or NoGradient."""
    one, tape = rows(background, slice(0, 1)), list[Entry]()
    logits = run(model, weights, one, tape, explaining=False)
    if not logits.requires_grad:
        raise NoGradient(model)
    check_covered(logits, model, lambda: run(model, weights, one, [], explaining=False))
    return BYTES_PER_KEPT * sum(entry.num_bytes for entry in tape) + one.inputs.nbytes


def rows(batch: Batch, which: slice) -> Batch:
    """Return some utterances of a batch, without labels, whose inputs require a gradient."""
    inputs = batch.inputs[which].detach().clone().requires_grad_()
    return replace(
        batch,
        utts=batch.utts[which],
        inputs=inputs,
        lengths=batch.lengths[which],
        labels=None,
        speakers=batch.speakers[which],
    )


def run(
    model: nn.Module, weights: dict[str, Tensor], batch: Batch, tape: list[Entry], explaining: bool
) -> Tensor:
    """Logits of a batch, with the non-linear operations replaced."""
    with torch.enable_grad(), RescaleMode(tape, explaining):
        return torch.func.functional_call(model, weights, (batch,)).logits
