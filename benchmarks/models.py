"""Time our waveform networks against the plain structure of the published ones: same weights, same outputs,
alternating in one run.

    python benchmarks/models.py --systems aasist rawgat_st --threads 1
    python benchmarks/models.py --steps aasist rawgat_st

The plain form filters, takes the absolute value and pools one after the other, keeps images in PyTorch's
default memory format, runs each BatchNorm by itself, and computes what the published code computes in vain.
The graph part is the same in both: it takes no time. Prints medians of the processor's time in milliseconds
per clip, which other work on the machine changes little, their ratio, the largest difference of outputs, and
the difference of the gradients relative to their norm.

`--steps` tells what each step bought: ours with that step alone undone, in the place of the plain form.
`--memory aasist --batch_size 24` does one training step in this process alone, and prints the largest memory
that it had.
"""

import argparse
import contextlib
import copy
import resource
from collections.abc import Callable
from unittest import mock

import torch
from timing import HEAD, medians, row
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.features import sinc
from dada.models.audio import _spectro_temporal, aasist, rawgat_st, rawnet2

# The least ratio of each piece of work, reference to ours.
CLAIMS = {
    "aasist, forward": 3.3,
    "aasist, training_step": 1.5,
    "aasist_l, forward": 3.5,
    "aasist_l, training_step": 1.6,
    "rawgat_st, forward": 3.2,
    "rawgat_st, training_step": 1.6,
    "rawnet2, forward": 0.9,
    "rawnet2, training_step": 0.9,
}
NUM_SAMPLES = 64_600


class PlainBank(nn.Module):
    """The sinc bank, absolute value and max pool, one after the other."""

    def __init__(self, config: sinc.Config, bands: int, steps: int):
        super().__init__()
        self.bank, self.pool = sinc.Feature(config), nn.MaxPool2d((bands, steps))

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.bank(x).abs())


class PlainEncoder(nn.Sequential):
    """The blocks of an `Encoder`, each in its plain form, with the same weights."""

    def __init__(self, encoder: nn.Sequential):
        super().__init__(*(PlainBlock(block) for block in encoder))
        self.to(memory_format=torch.contiguous_format)


class PlainBlock(nn.Module):
    """A residual block as published, with the BatchNorm and SELU whose result is dropped."""

    def __init__(self, block: nn.Module):
        super().__init__()
        self.norm1, self.conv1, self.norm2, self.conv2 = block.norm1, block.conv1, block.norm2, block.conv2
        self.shortcut, self.pool = block.shortcut, block.pool

    def forward(self, x: Tensor) -> Tensor:
        if self.norm1 is not None:
            nn.functional.selu(self.norm1(x))
        h = self.conv2(nn.functional.selu(self.norm2(self.conv1(x))))
        return self.pool(h + (x if self.shortcut is None else self.shortcut(x)))


class ContiguousEncoder(nn.Sequential):
    """The blocks of an `Encoder` on images in PyTorch's default memory format."""

    def __init__(self, encoder: nn.Sequential):
        super().__init__(*encoder)
        self.to(memory_format=torch.contiguous_format)


def plain_aasist(model: aasist.Model) -> nn.Module:
    """AASIST with the same weights in its plain form."""
    plain = copy.deepcopy(model)
    plain.image.bank = PlainBank(sinc.Config(), 3, 3)
    plain.encoder = PlainEncoder(plain.encoder)
    return plain


def plain_rawgat_st(model: rawgat_st.Model) -> nn.Module:
    """RawGAT-ST with the same weights in its plain form."""
    plain = copy.deepcopy(model)
    plain.image.bank = PlainBank(sinc.Config(), 3, 3)
    for branch in (plain.bands, plain.frames):
        branch.encoder = PlainEncoder(branch.encoder)
    return plain


def plain_rawnet2(model: rawnet2.Model) -> nn.Module:
    """RawNet2 with the same weights in its plain form."""
    plain = copy.deepcopy(model)
    plain.bank = PlainBank(sinc.Config(num_filters=20, num_taps=1025), 1, 3)
    return plain


SYSTEMS = {
    "aasist": (lambda: aasist.Model(aasist.Config(), 2), plain_aasist),
    "aasist_l": (
        lambda: aasist.Model(aasist.Config(channels=[32, 32, 24, 24, 24, 24], node_sizes=[24, 32]), 2),
        plain_aasist,
    ),
    "rawgat_st": (lambda: rawgat_st.Model(rawgat_st.Config(max_masked_filters=0), 2), plain_rawgat_st),
    "rawnet2": (lambda: rawnet2.Model(rawnet2.Config(), 2), plain_rawnet2),
}


def without_bank(model: nn.Module) -> contextlib.AbstractContextManager:
    """Sinc bank, absolute value and max pool one after the other."""
    model.image.bank = PlainBank(sinc.Config(), 3, 3)
    return contextlib.nullcontext()


def without_channels_last(model: nn.Module) -> contextlib.AbstractContextManager:
    """Images in the default memory format, also where blocks would ask for the other one."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _spectro_temporal.Encoder):
                setattr(parent, name, ContiguousEncoder(child))
    return contextlib.nullcontext()


def without_pieces(model: nn.Module) -> contextlib.AbstractContextManager:
    """Whole images at once."""
    for module in model.modules():
        if isinstance(module, _spectro_temporal.ResidualBlock):
            module.piece = NUM_SAMPLES
    return contextlib.nullcontext()


def without_folding(model: nn.Module) -> contextlib.AbstractContextManager:
    """Each BatchNorm by itself."""
    return mock.patch.object(_spectro_temporal, "conv_norm", lambda x, conv, norm: norm(conv(x)))


def without_keeping_little(model: nn.Module) -> contextlib.AbstractContextManager:
    """What autograd keeps of a block in training, over the whole batch."""
    return mock.patch.object(_spectro_temporal, "can_keep_little", lambda x, norm: False)


def without_selu(model: nn.Module) -> contextlib.AbstractContextManager:
    """The library's SELU, in blocks that work on the whole batch."""
    return mock.patch.multiple(
        _spectro_temporal,
        can_keep_little=lambda x, norm: False,
        selu_=lambda x, training: nn.functional.selu(x, inplace=True),
    )


STEPS: dict[str, Callable[[nn.Module], contextlib.AbstractContextManager]] = {
    "sinc bank in one pass": without_bank,
    "channels-last": without_channels_last,
    "images in pieces": without_pieces,
    "folded BatchNorm": without_folding,
    "clip by clip in training": without_keeping_little,
    "SELU by exp": without_selu,
}


def make_batch(size: int) -> Batch:
    """Noise under a slow rhythm, half of the clips of either class."""
    generator = torch.Generator().manual_seed(1)
    rhythm = torch.sin(torch.arange(NUM_SAMPLES) / 2000)
    inputs = 0.1 * torch.randn(size, NUM_SAMPLES, generator=generator) * rhythm
    return Batch(
        [f"u{i}" for i in range(size)], inputs, torch.full((size,), NUM_SAMPLES), torch.arange(size) % 2
    )


def forward(model: nn.Module, batch: Batch) -> Tensor:
    """Logits in evaluation mode."""
    with torch.inference_mode():
        return model.eval()(batch).logits


def training_step(model: nn.Module, batch: Batch) -> Tensor:
    """Forward, backward and one step of Adam; returns the loss before it. Dropout draws the same numbers in
    every call.
    """
    torch.manual_seed(1)
    optimiser = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=1e-6)
    optimiser.zero_grad()
    loss = nn.functional.cross_entropy(model.train()(batch).logits, batch.labels)
    loss.backward()
    optimiser.step()
    return loss.detach()


def gradients(model: nn.Module) -> Tensor:
    """All gradients as one vector."""
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument(
        "--steps",
        nargs="+",
        default=[],
        choices=["aasist", "aasist_l", "rawgat_st"],
        help="instead: what steps bought",
    )
    parser.add_argument("--memory", choices=list(SYSTEMS), help="instead: the memory of a training step")
    parser.add_argument("--batch_size", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    batch = make_batch(args.batch_size)
    if args.memory:
        training_step(SYSTEMS[args.memory][0](), batch)
        gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(f"{args.memory}, a training step of {args.batch_size} clips: at most {gigabytes:.2f} GB")
        return
    print(HEAD)
    for name in args.steps:
        compare_steps(name, batch, args.repetitions)
    for name in [] if args.steps else args.systems:
        compare(name, batch, args.repetitions)


def compare(name: str, batch: Batch, repetitions: int) -> None:
    """Print the rows of a system beside its plain form."""
    build, make_plain = SYSTEMS[name]
    torch.manual_seed(1)
    ours = build()
    plain = make_plain(ours)
    for work in (forward, training_step):
        notes = f"outputs differ by {float((work(ours, batch) - work(plain, batch)).abs().max()):.1e}"
        if work is training_step:
            expected = gradients(plain)
            notes += f", gradients by {float((gradients(ours) - expected).norm() / expected.norm()):.1e}"
        slow, fast = medians([lambda w=work, m=m: w(m, batch) for m in (plain, ours)], repetitions)
        row(f"{name}, {work.__name__}", slow / len(batch.utts), fast / len(batch.utts), notes)


def within(
    context: contextlib.AbstractContextManager, work: Callable, model: nn.Module, batch: Batch
) -> Tensor:
    """What a work gives in a context."""
    with context:
        return work(model, batch)


def compare_steps(name: str, batch: Batch, repetitions: int) -> None:
    """Print a row for each step: a system without it beside the whole."""
    torch.manual_seed(1)
    ours = SYSTEMS[name][0]()
    for work in (forward, training_step):
        for step, undo in STEPS.items():
            other = copy.deepcopy(ours)
            context = undo(other)
            slow, fast = medians(
                [lambda w=work, m=other, c=context: within(c, w, m, batch), lambda w=work: w(ours, batch)],
                repetitions,
            )
            row(f"{name}, {work.__name__}, {step}", slow / len(batch.utts), fast / len(batch.utts))


if __name__ == "__main__":
    main()
