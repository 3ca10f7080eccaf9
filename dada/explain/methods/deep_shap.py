"""DeepSHAP: the multipliers of the rescale rule, averaged over a background (Lundberg and Lee, NeurIPS 2017, section 4.2).

phi(x) = mean over b of m(x, b) * (x - b), which adds up to f(x) - mean f(b). Works on networks of convolutions, linear layers, BatchNorms,
activations element by element, max-feature-maps, pools, sums, products and concatenations, as they are; others are refused.

Axes: B utterances, b backgrounds, K targets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.explain.methods._coverage import check_covered
from dada.explain.methods._rescale import Entry, RescaleMode

MAX_CHUNK = 8  # backgrounds at once: more are not faster


def attribute(
    model: nn.Module, batch: Batch, background: Batch, targets: Sequence[int], chunk_size: int = MAX_CHUNK
) -> tuple[Tensor, Tensor, Tensor]:
    """Values (B, K, ...), base values and outputs (B, K). Raises NotCovered for a network with other operations."""
    weights = {name: value.detach() for name, value in model.named_parameters()}  # which then ask for no gradient
    inputs = batch.inputs
    values = torch.zeros(len(batch), len(targets), *inputs.shape[1:], dtype=inputs.dtype, device=inputs.device)
    base = torch.zeros(len(targets), dtype=torch.float64, device=inputs.device)
    for start in range(0, len(background), chunk_size):
        part = rows(background, slice(start, start + chunk_size), needs_grad=True)
        tape: list[Entry] = []
        logits = run(model, weights, part, tape, explaining=False)
        if start == 0:
            check_covered(logits, model, lambda part=part: run(model, weights, part, [], explaining=False))
        base += logits.detach().double().sum(0)[list(targets)]
        for i in range(len(batch)):
            run(model, weights, rows(batch, slice(i, i + 1), needs_grad=True), tape, explaining=True)
            change = inputs[i] - part.inputs.detach()
            for k, multipliers in enumerate(backward(logits, part.inputs, targets)):
                values[i, k] += (multipliers * change).sum(0)
    with torch.no_grad():
        output = model(batch).logits[:, list(targets)]
    base = (base / len(background)).to(output.dtype)
    return values / len(background), base.expand(len(batch), -1), output


def rows(batch: Batch, which: slice, needs_grad: bool = False) -> Batch:
    """Some utterances of a batch, without labels."""
    inputs = batch.inputs[which].detach().clone().requires_grad_(needs_grad)
    return replace(batch, utts=batch.utts[which], inputs=inputs, lengths=batch.lengths[which], labels=None, speakers=batch.speakers[which])


def run(model: nn.Module, weights: dict[str, Tensor], batch: Batch, tape: list[Entry], explaining: bool) -> Tensor:
    """Logits of a batch, with the non-linear operations replaced."""
    with torch.enable_grad(), RescaleMode(tape, explaining):
        return torch.func.functional_call(model, weights, (batch,)).logits


def backward(logits: Tensor, inputs: Tensor, targets: Sequence[int]) -> Iterator[Tensor]:
    """Multipliers of the inputs for one target after the other; the graph is kept."""
    for target in targets:
        yield torch.autograd.grad(logits[:, target].sum(), inputs, retain_graph=True)[0]
