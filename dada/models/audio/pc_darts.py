"""PC-DARTS: a convolutional network whose cells were found by partially-connected differentiable architecture
search.

Ge, Panariello, Patino, Todisco and Evans, "Partially-connected differentiable architecture search for
deepfake and spoofing detection" (Interspeech 2021), and the authors' public code. The defaults are the
published cells and the smallest of three sizes: 147,274 parameters with 4 cells and 16 channels, 974,898 with
8 and 32, 7,515,682 with 16 and 64. Other cells come from pc_darts_search.

Inputs are 4 s of the LFCC of that code (pc_darts) or of the log-power spectrogram of "Explaining deepfake
detection with SHAP" (Ge et al., ICASSP 2022: pc_darts_spec), shorter clips repeated. Any number of rows and
frames works.

Class order of the authors: 0 spoof, 1 bona fide, as here. They score by logit 1 alone; here the score is the
difference of the two. Kept from the code: the second convolution of a factorised reduction sees the same
pixels as the first, not those shifted by one as in DARTS, so that both are one convolution here; the stem
counts as a reduction for the first cell. Images are channels-last on a CPU alone (see _convolution).

Axes: B batch, F frequency, N frames, C channels, D embedding, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.models import Output
from dada.models.audio._convolution import PlainConv2d
from dada.models.audio._lengths import run_by_length
from dada.models.audio._norm import BatchNorm2d
from dada.models.official import rename

NUM_INPUTS = 2  # of a cell: the outputs of the two cells before it


@dataclass
class Config:
    """`normal` and `reduce` are the cells: two operations a node, each on one state, e.g. `sep_conv_5x5 0`.

    States 0 and 1 are the outputs of the two cells before, state 2 is the first node. A cell gives all of its
    nodes.
    """

    num_channels: int = 16  # of the first cell; twice as many after each of two reductions
    num_cells: int = 4
    normal: list[str] = field(
        default_factory=lambda: [
            "sep_conv_5x5 0",
            "sep_conv_5x5 1",
            "sep_conv_3x3 2",
            "dil_conv_5x5 0",
            "avg_pool_3x3 2",
            "max_pool_3x3 3",
            "avg_pool_3x3 2",
            "avg_pool_3x3 4",
        ]
    )
    reduce: list[str] = field(
        default_factory=lambda: [
            "sep_conv_5x5 1",
            "sep_conv_3x3 0",
            "dil_conv_3x3 2",
            "avg_pool_3x3 0",
            "dil_conv_5x5 2",
            "sep_conv_3x3 3",
            "dil_conv_3x3 2",
            "avg_pool_3x3 4",
        ]
    )
    # at the end of training: how often a clip goes without an operation's output, from 0 on in equal steps
    drop_path: float = 0.2
    # in training up to one row less than this is silenced at random, in the whole batch; 0 leaves that out
    max_masked: int = 0


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network, and the shape of an input."""
    return Config(num_channels=4), (60, 100)


class Model(nn.Module):
    """Features (B, F, N) to logits (B, K) and embeddings (B, D), D = four times the channels of the last
    cell.
    """

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        cells = {kind: parse_cell(kind, getattr(config, kind)) for kind in ("normal", "reduce")}
        self.stem = Stem(config.num_channels)
        self.cells = nn.ModuleList()
        before, last, after_reduction = config.num_channels, config.num_channels, True
        for channels, reduction in cell_sizes(config.num_channels, config.num_cells):
            operations = cells["reduce" if reduction else "normal"]
            self.cells.append(Cell(operations, before, last, channels, reduction, after_reduction))
            before, last, after_reduction = last, len(operations) // 2 * channels, reduction
        self.classify = nn.Linear(last, num_classes)
        self.full_drop_path, self.drop_path = config.drop_path, 0.0
        self.max_masked = config.max_masked
        self.to(memory_format=torch.channels_last)  # convolutions and pools are faster so

    def start_epoch(self, epoch: int, num_epochs: int) -> None:
        """Set how often outputs are dropped: it rises with every epoch (from 0) of a training."""
        self.drop_path = self.full_drop_path * epoch / num_epochs

    def forward(self, batch: Batch) -> Output:
        """(B, F, N) to logits (B, K); the embedding is the mean of the last cell's output over the map."""
        return run_by_length(batch, 1, self._run, "frames")

    def _run(self, x: Tensor) -> Output:
        if self.training:
            x = mask_rows(x, self.max_masked)
        state0, state1 = self.stem(x[:, None])
        for cell in self.cells:
            state0, state1 = state1, cell(state0, state1, self.drop_path if self.training else 0.0)
        embedding = state1.mean((2, 3))
        return Output(self.classify(embedding), embedding)


class Stem(nn.Module):
    """An image (B, 1, F, N) to the first two states, (B, C, F / 4, N / 4) and (B, C, F / 8, N / 8), sizes
    rounded up.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.quarter = nn.Sequential(
            PlainConv2d(1, channels // 2, 3, stride=2, padding=1, bias=False),
            BatchNorm2d(channels // 2),
            nn.ReLU(),
            PlainConv2d(channels // 2, channels, 3, stride=2, padding=1, bias=False),
            BatchNorm2d(channels),
        )
        self.eighth = nn.Sequential(
            nn.ReLU(),
            PlainConv2d(channels, channels, 3, stride=2, padding=1, bias=False),
            BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        quarter = self.quarter(x)
        return quarter, self.eighth(quarter)


class Cell(nn.Module):
    """Nodes, each the sum of two operations on earlier states; in a reduction those on the cell's inputs have
    stride 2.
    """

    def __init__(
        self,
        operations: list[tuple[str, int]],
        before: int,
        last: int,
        channels: int,
        reduction: bool,
        after_reduction: bool,
    ):
        super().__init__()
        self.prepare = prepare_inputs(before, last, channels, after_reduction)
        self.states = [state for _, state in operations]
        self.operations = nn.ModuleList(
            OPERATIONS[name](channels, 2 if reduction and state < NUM_INPUTS else 1, True)
            for name, state in operations
        )

    def forward(self, state0: Tensor, state1: Tensor, drop_path: float) -> Tensor:
        """The outputs of the two cells before to this one's, (B, nodes · C, F, N)."""
        states = [prepare(state) for prepare, state in zip(self.prepare, (state0, state1), strict=True)]
        for first in range(0, len(self.operations), 2):
            outputs = []
            for operation, state in zip(
                self.operations[first : first + 2], self.states[first : first + 2], strict=True
            ):
                output = operation(states[state])
                outputs.append(
                    output if isinstance(operation, nn.Identity) else drop_clips(output, drop_path)
                )
            states.append(outputs[0] + outputs[1])
        return torch.cat(states[NUM_INPUTS:], dim=1)


class FactorisedReduce(nn.Sequential):
    """ReLU, a convolution that sees every second row and frame, and BatchNorm."""

    def __init__(self, channels: int, size: int, affine: bool):
        super().__init__(
            nn.ReLU(), PlainConv2d(channels, size, 1, bias=False), BatchNorm2d(size, affine=affine)
        )

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[:, :, ::2, ::2])


def prepare_inputs(before: int, last: int, channels: int, after_reduction: bool) -> nn.ModuleList:
    """What brings a cell's two inputs to its channels; behind a reduction the older one is twice as large,
    and halved.
    """
    older = (
        FactorisedReduce(before, channels, affine=False)
        if after_reduction
        else relu_conv_norm(before, channels)
    )
    return nn.ModuleList([older, relu_conv_norm(last, channels)])


def relu_conv_norm(channels: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(), PlainConv2d(channels, size, 1, bias=False), BatchNorm2d(size, affine=False)
    )


def separable(channels: int, kernel: int, stride: int, dilation: int, affine: bool) -> list[nn.Module]:
    """ReLU, a convolution within each channel and one across channels, BatchNorm."""
    reach = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        PlainConv2d(channels, channels, kernel, stride, reach, dilation, groups=channels, bias=False),
        PlainConv2d(channels, channels, 1, bias=False),
        BatchNorm2d(channels, affine=affine),
    ]


def sep_conv(channels: int, kernel: int, stride: int, affine: bool) -> nn.Sequential:
    return nn.Sequential(
        *separable(channels, kernel, stride, 1, affine), *separable(channels, kernel, 1, 1, affine)
    )


def dil_conv(channels: int, kernel: int, stride: int, affine: bool) -> nn.Sequential:
    return nn.Sequential(*separable(channels, kernel, stride, 2, affine))


OPERATIONS: dict[str, Callable[[int, int, bool], nn.Module]] = {  # of (channels, stride, affine BatchNorms)
    "max_pool_3x3": lambda channels, stride, affine: nn.MaxPool2d(3, stride, 1),
    "avg_pool_3x3": lambda channels, stride, affine: nn.AvgPool2d(3, stride, 1, count_include_pad=False),
    "skip_connect": lambda channels, stride, affine: (
        nn.Identity() if stride == 1 else FactorisedReduce(channels, channels, affine)
    ),
    "sep_conv_3x3": lambda channels, stride, affine: sep_conv(channels, 3, stride, affine),
    "sep_conv_5x5": lambda channels, stride, affine: sep_conv(channels, 5, stride, affine),
    "dil_conv_3x3": lambda channels, stride, affine: dil_conv(channels, 3, stride, affine),
    "dil_conv_5x5": lambda channels, stride, affine: dil_conv(channels, 5, stride, affine),
}


def parse_cell(kind: str, entries: list[str]) -> list[tuple[str, int]]:
    """`["sep_conv_5x5 0", ...]` to operations and states. Raise ConfigError for what is no cell."""
    if not entries or len(entries) % 2:
        raise ConfigError(f"pc_darts: {kind} has {len(entries)} operations; a cell needs two for each node")
    operations = []
    for i, entry in enumerate(entries):
        name, _, state = entry.partition(" ")
        known = NUM_INPUTS + i // 2
        if name not in OPERATIONS or not state.isdigit() or int(state) >= known:
            raise ConfigError(
                f"pc_darts: {kind}[{i}] is {entry!r}; expected an operation and a state from 0 to "
                f"{known - 1}, e.g. `sep_conv_3x3 0`; "
                f"operations: {', '.join(OPERATIONS)}"
            )
        operations.append((name, int(state)))
    return operations


def cell_sizes(channels: int, num_cells: int) -> list[tuple[int, bool]]:
    """(channels, whether it is a reduction) of each cell: reductions lie at one and two thirds and double the
    channels.
    """
    reductions = (num_cells // 3, 2 * num_cells // 3)
    return [(channels * 2 ** sum(k <= i for k in set(reductions)), i in reductions) for i in range(num_cells)]


def drop_clips(x: Tensor, probability: float) -> Tensor:
    """Zero the whole output of random clips of (B, C, F, N), and scale up the others."""
    if not probability:
        return x
    kept = torch.empty(len(x), 1, 1, 1, device=x.device, dtype=x.dtype).bernoulli_(1 - probability)
    return x * (kept / (1 - probability))


def mask_rows(x: Tensor, max_masked: int) -> Tensor:
    """Zero neighbouring rows of (B, F, N), the same in all clips: a random number below `max_masked`, at a
    random place.
    """
    if not max_masked:
        return x
    size = int(torch.randint(min(max_masked, x.shape[1]), ()))
    start = int(torch.randint(x.shape[1] - size + 1, ()))
    rows = torch.arange(x.shape[1], device=x.device)
    return x.masked_fill(((rows >= start) & (rows < start + size))[:, None], 0.0)


OFFICIAL_NAMES = (
    (r"^stem0\.", "stem.quarter."),
    (r"^stem1\.", "stem.eighth."),
    (r"\.preprocess(\d)\.", r".prepare.\1."),
    (r"\._ops\.", ".operations."),
    (r"\.op\.", "."),
    (r"\.conv_(\d)\.weight$", r".1.weight_part\1"),
    (r"\.bn\.", ".2."),
    (r"^classifier\.", "classify."),
)


def from_official(state: dict) -> dict:
    """Names of the authors' checkpoints to ours; their front end is left out, and halves of a factorised
    reduction are joined.
    """
    renamed = rename(state, OFFICIAL_NAMES)
    joined = {}
    for name, value in renamed.items():
        if name.endswith("weight_part1"):
            joined[name.removesuffix("_part1")] = torch.cat([value, renamed[name.replace("part1", "part2")]])
        elif not name.endswith("weight_part2") and not name.startswith("feature."):
            joined[name] = value
    return joined
