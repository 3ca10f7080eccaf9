"""Time LFCC-LCNN-LSTM against the plain structure of the published one: same weights, same outputs,
alternating in one run.

    python benchmarks/lcnn_lstm.py --threads 1

The plain form takes max-feature-maps as a maximum along an axis of two, and keeps images in PyTorch's default
memory format; then each of these alone takes its place. Prints medians in milliseconds of processor time per
clip of 4 s, their ratio, and the largest difference of outputs or gradients in float64, relative to the
largest of them: in float32 the smallest rounding can turn a maximum to the other channel.
"""

import argparse
import copy
from dataclasses import replace

import torch
from timing import HEAD, medians, row
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.models.audio import lcnn_lstm

# The least ratio of each piece of work, reference to ours.
CLAIMS = {"lcnn_lstm, forward": 2.6, "lcnn_lstm, training_step": 1.5}
SHAPE = (60, 401)


class PlainConv(nn.Module):
    """A convolution to twice the channels, and the larger one of each pair by a maximum over an axis."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.weight, self.bias, self.padding = conv.weight, conv.bias, conv.padding

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.conv2d(x, self.weight, self.bias, padding=self.padding)
        return x.view(x.shape[0], 2, -1, *x.shape[2:]).max(1)[0]


def plain(model: lcnn_lstm.Model, plain_maximum: bool = True, plain_memory: bool = True) -> nn.Module:
    """The same weights with the max-feature-maps of the plain form, with its memory format, or with both."""
    other = copy.deepcopy(model)
    if plain_memory:
        other.to(memory_format=torch.contiguous_format)
    for block in other.blocks if plain_maximum else ():
        block.conv = PlainConv(block.conv)
    return other


def forward(model: nn.Module, batch: Batch) -> Tensor:
    """Logits in evaluation mode."""
    with torch.inference_mode():
        return model.eval()(batch).logits


def training_step(model: nn.Module, batch: Batch) -> Tensor:
    """Forward and backward; returns all gradients. Dropout draws the same numbers in every call."""
    torch.manual_seed(1)
    model.zero_grad()
    logits = model.train()(batch).logits[:, 0]
    nn.functional.binary_cross_entropy_with_logits(logits, batch.labels.to(logits.dtype)).backward()
    return torch.cat([p.grad.reshape(-1) for p in model.parameters()])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    ours = lcnn_lstm.Model(lcnn_lstm.Config(dropout=0.0), 2)
    size = args.batch_size
    forms = {
        "": {},
        ", max-feature-maps": {"plain_memory": False},
        ", channels-last": {"plain_maximum": False},
    }
    batch = Batch(
        [f"u{i}" for i in range(size)],
        torch.randn(size, *SHAPE),
        torch.full((size,), SHAPE[1]),
        torch.arange(size) % 2,
    )
    exact = replace(batch, inputs=batch.inputs.double())
    print(HEAD)
    for what, form in forms.items():
        other = plain(ours, **form)
        for work in (forward, training_step):
            result, expected = (work(copy.deepcopy(model).double(), exact) for model in (ours, other))
            difference = float((result - expected).abs().max() / expected.abs().max())
            slow, fast = medians([lambda w=work, m=m: w(m, batch) for m in (other, ours)], args.repetitions)
            row(
                f"lcnn_lstm, {work.__name__}{what}",
                slow / size,
                fast / size,
                f"float64 differs by {difference:.1e} of the largest",
            )


if __name__ == "__main__":
    main()
