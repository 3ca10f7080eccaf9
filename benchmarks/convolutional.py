"""Time PC-DARTS and the TSSDNet family against the plain structure of the published networks: same weights,
alternating in one run.

    python benchmarks/convolutional.py --systems pc_darts res_tssdnet --threads 1

The plain form keeps images in PyTorch's default memory format, has convolutions of one dimension on
waveforms, takes the ReLU before each max pool, and reduces a cell's input by two convolutions with stride 2.
Prints medians of the processor's time in milliseconds per clip, which other work on the machine changes
little, their ratio, the largest difference of outputs, and the difference of the gradients relative to their
norm, in float32 and in float64.

In float32 the gradients of the TSSDNet family are 1e-3 apart, since the smallest rounding can turn a maximum
to another step. In float64 they are the same: `--systems res_tssdnet res_tssdnet_2d --batch_size 2
--repetitions 1` gave 1.5e-3 and 5.3e-15 for the first, 2.5e-3 and 4.8e-14 for the second.
"""

import argparse
import copy
from dataclasses import replace

import torch
from timing import HEAD, medians, row
from torch import Tensor, nn

from dada import models
from dada.data.batch import Batch
from dada.models import Output
from dada.models.audio.pc_darts import FactorisedReduce

# The least ratio of each piece of work, reference to ours.
CLAIMS = {
    "pc_darts, forward": 1.3,
    "pc_darts, training_step": 1.1,
    "pc_darts_spec, forward": 1.7,
    "pc_darts_spec, training_step": 1.2,
    "res_tssdnet, forward": 1.2,
    "res_tssdnet, training_step": 1.5,
    "inc_tssdnet, forward": 1.4,
    "inc_tssdnet, training_step": 1.3,
    "res_tssdnet_2d, forward": 1.3,
    "res_tssdnet_2d, training_step": 1.2,
    "res_tssdnet_2d_odyssey, forward": 1.2,
    "res_tssdnet_2d_odyssey, training_step": 1.1,
}
# model, its input
SYSTEMS = {
    "pc_darts": ("pc_darts", (60, 251)),
    "pc_darts_spec": ("pc_darts", (513, 501)),
    "res_tssdnet": ("res_tssdnet", (96_000,)),
    "inc_tssdnet": ("inc_tssdnet", (96_000,)),
    "res_tssdnet_2d": ("res_tssdnet_2d", (513, 751)),
    "res_tssdnet_2d_odyssey": ("res_tssdnet_2d", (161, 601)),
}


class PlainReduce(nn.Module):
    """ReLU on all pixels, two strided convolutions, BatchNorm."""

    def __init__(self, ours: FactorisedReduce):
        super().__init__()
        conv, self.norm = ours[1], ours[2]
        self.convs = nn.ModuleList(
            nn.Conv2d(conv.in_channels, conv.out_channels // 2, 1, stride=2, bias=False) for _ in range(2)
        )
        for half, weight in zip(self.convs, conv.weight.data.chunk(2), strict=True):
            half.weight.data = weight.clone()

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.relu(x)
        return self.norm(torch.cat([conv(x) for conv in self.convs], dim=1))


class PlainTSSDNet(nn.Module):
    """A network of the family in its plain form."""

    def __init__(self, ours: nn.Module, waveform: bool):
        super().__init__()
        self.network = one_dimensional(copy.deepcopy(ours)) if waveform else copy.deepcopy(ours)
        self.waveform = waveform

    def forward(self, batch: Batch) -> Output:
        net = self.network
        pool = (
            (lambda x: nn.functional.max_pool1d(x, 4))
            if self.waveform
            else (lambda x: nn.functional.max_pool2d(x, 2))
        )
        x = pool(nn.functional.relu(net.norm(net.conv(batch.inputs[:, None]))))
        for block in net.blocks[:-1]:
            x = pool(nn.functional.relu(block(x)))
        x = nn.functional.relu(net.blocks[-1](x))
        return net.head(x.amax(-1) if self.waveform else x.mean((2, 3)))


def one_dimensional(module: nn.Module) -> nn.Module:
    """Convolutions and BatchNorms of images with one row as those of one dimension, in place."""
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            settings = {"padding": child.padding[1], "dilation": child.dilation[1], "bias": False}
            replacement = nn.Conv1d(child.in_channels, child.out_channels, child.kernel_size[1], **settings)
            replacement.weight.data = child.weight.data[:, :, 0].contiguous()
        elif isinstance(child, nn.BatchNorm2d):
            replacement = nn.BatchNorm1d(child.num_features)
            replacement.load_state_dict(child.state_dict())
        else:
            replacement = one_dimensional(child)
        setattr(module, name, replacement)
    return module


def plain_form(name: str, ours: nn.Module) -> nn.Module:
    """The same network with the same weights in its plain form."""
    if name != "pc_darts":
        plain = PlainTSSDNet(ours, waveform=name != "res_tssdnet_2d")
    else:
        plain = copy.deepcopy(ours)
        for cell in plain.cells:
            if isinstance(cell.prepare[0], FactorisedReduce):
                cell.prepare[0] = PlainReduce(cell.prepare[0])
    return plain.to(memory_format=torch.contiguous_format)


def forward(model: nn.Module, batch: Batch) -> Tensor:
    """Logits in evaluation mode."""
    with torch.inference_mode():
        return model.eval()(batch).logits


def training_step(model: nn.Module, batch: Batch) -> Tensor:
    """Forward and backward in training mode; returns the loss."""
    model.zero_grad()
    loss = nn.functional.cross_entropy(model.train()(batch).logits, batch.labels)
    loss.backward()
    return loss.detach()


def gradients(model: nn.Module) -> Tensor:
    """All gradients as one vector."""
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def gradient_difference(ours: nn.Module, plain: nn.Module, batch: Batch, dtype: torch.dtype) -> float:
    """How far the gradients of a training step on a batch are apart in some arithmetic, relative to the norm
    of the plain form's.
    """
    batch = replace(batch, inputs=batch.inputs.to(dtype))
    models_of_type = [copy.deepcopy(model).to(dtype) for model in (ours, plain)]
    for model in models_of_type:
        training_step(model, batch)
    found, expected = map(gradients, models_of_type)
    return float((found - expected).norm() / expected.norm())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(HEAD)
    for system in args.systems:
        name, shape = SYSTEMS[system]
        torch.manual_seed(1)
        ours = models.build("audio", {"name": name}, 2)
        plain = plain_form(name, ours)
        size = args.batch_size
        inputs = torch.randn(size, *shape)
        batch = Batch(
            [f"u{i}" for i in range(size)], inputs, torch.full((size,), shape[-1]), torch.arange(size) % 2
        )
        for work in (training_step, forward):  # trained first, as fresh networks hardly depend on their input
            difference = float((work(ours, batch) - work(plain, batch)).abs().max())
            notes = f"outputs differ by {difference:.1e}"
            if work is training_step:
                rounded, exact = (
                    gradient_difference(ours, plain, batch, dtype) for dtype in (torch.float32, torch.float64)
                )
                notes += f", gradients by {rounded:.1e}, in float64 by {exact:.1e}"
            slow, fast = medians(
                [lambda w=work, m=m, b=batch: w(m, b) for m in (plain, ours)], args.repetitions
            )
            row(f"{system}, {work.__name__}", slow / size, fast / size, notes)


if __name__ == "__main__":
    main()
