"""The network in which PC-DARTS looks for its cells: every edge is a weighted sum of all operations.

Xu et al., "PC-DARTS: partial channel connections for memory-efficient architecture search" (ICLR 2020), as Ge
et al. use it for spoofing detection (Interspeech 2021) in their public code. Only one channel in `partial`
goes through the operations, the others pass by (halved by a max pool where the stride is 2), and channels are
shuffled afterwards. α weighs the operations of an edge, β the edges of a node. dada/train/search.py trains
both by turns with the other weights, on two halves of the training data, first order, and writes the cells
that it found to genotype.yaml, as the `model:` of a pc_darts configuration.

Operations are those of pc_darts, with BatchNorms that have no scale and offset, pools followed by one, and
`none`. `leave_out` takes some of them out of the search: "Explaining deepfake detection with SHAP" (Ge et
al., ICASSP 2022, section 5.4) reports steadier attributions without dilated convolutions
(dada/conf/pc_darts_search_undilated.yaml). The stem is three times as wide as the first cell. As shuffling is
linear, it is done once a node, not once an edge: the same numbers.

Axes: B batch, F frequency, N frames, C channels, E edges, O operations, D embedding, K classes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.limits import Names
from dada.models import Output
from dada.models.audio._lengths import run_by_length
from dada.models.audio._norm import BatchNorm2d
from dada.models.audio.pc_darts import NUM_INPUTS, OPERATIONS, Stem, cell_sizes, mask_rows, prepare_inputs
from dada.plugins import nearest

KINDS = ("normal", "reduce")
STEM_FACTOR = 3
INITIAL_SPREAD = 1e-3  # standard deviation of α and β at the start


@dataclass
class Config:
    """The defaults are those of the spoofing papers' code. The last four settings are those of the optimiser
    (Adam) of α and β.
    """

    num_channels: int = 16
    num_cells: int = 4
    num_nodes: int = 4  # of a cell
    partial: int = 2  # one channel in so many goes through the operations
    leave_out: Names = field(default_factory=list)  # operations that no edge may have: [dil_conv_3x3, ...]
    # in training up to one row less than this is silenced at random, in the whole batch; 0 leaves that out
    max_masked: int = 0
    warmup_epochs: int = 10  # during which α and β stay as they are
    search_lr: float = 6e-4
    search_betas: list[float] = field(default_factory=lambda: [0.5, 0.999])
    search_weight_decay: float = 1e-3


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network, and the shape of an input."""
    return Config(num_channels=4, num_cells=3, num_nodes=2), (40, 60)


class Model(nn.Module):
    """Features (B, F, N) to logits (B, K) and embeddings (B, D), D = the last cell's nodes times their
    channels.
    """

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        if config.num_cells < 3:
            raise ConfigError(
                f"pc_darts_search: {config.num_cells} cells leave no normal one beside two reductions: "
                "take at least 3"
            )
        if config.partial < 1 or config.num_channels % config.partial:
            raise ConfigError(
                f"pc_darts_search: {config.num_channels} channels cannot be cut into {config.partial} parts"
            )
        self.config = config
        self.names = ("none", *kept_operations(config.leave_out))  # of the columns of α
        self.edges = [NUM_INPUTS + node for node in range(config.num_nodes)]  # that lead to each node
        shape = sum(self.edges), len(self.names)
        self.alpha = nn.ParameterDict(
            {kind: nn.Parameter(INITIAL_SPREAD * torch.randn(shape)) for kind in KINDS}
        )
        self.beta = nn.ParameterDict(
            {kind: nn.Parameter(INITIAL_SPREAD * torch.randn(shape[0])) for kind in KINDS}
        )
        width = STEM_FACTOR * config.num_channels
        self.stem = Stem(width)
        self.cells = nn.ModuleList()
        before, last, after_reduction = width, width, True
        for channels, reduction in cell_sizes(config.num_channels, config.num_cells):
            self.cells.append(
                SearchCell(
                    self.edges,
                    before,
                    last,
                    channels,
                    config.partial,
                    reduction,
                    after_reduction,
                    self.names[1:],
                )
            )
            before, last, after_reduction = last, config.num_nodes * channels, reduction
        self.classify = nn.Linear(last, num_classes)

    def architecture_parameters(self) -> list[nn.Parameter]:
        """α and β of both kinds of cells."""
        return [*self.alpha.values(), *self.beta.values()]

    def forward(self, batch: Batch) -> Output:
        """(B, F, N) to logits (B, K); the embedding is the mean of the last cell's output over the map."""
        return run_by_length(batch, 1, self._run, "frames")

    def _run(self, x: Tensor) -> Output:
        if self.training:
            x = mask_rows(x, self.config.max_masked)
        weights = {kind: self.weights(kind) for kind in KINDS}
        state0, state1 = self.stem(x[:, None])
        for cell in cast(Iterable[SearchCell], self.cells):
            state0, state1 = state1, cell(state0, state1, weights[cell.kind])
        embedding = state1.mean((2, 3))
        return Output(self.classify(embedding), embedding)

    def weights(self, kind: str) -> Tensor:
        """How much each operation of each edge contributes to its node, (E, O): softmax of α over operations,
        of β over a node's edges.
        """
        beta = torch.cat([part.softmax(0) for part in self.beta[kind].split(self.edges)])
        return self.alpha[kind].softmax(1) * beta[:, None]

    @torch.no_grad()
    def genotype(self) -> dict[str, list[str]]:
        """The cells as pc_darts takes them: each node keeps the two edges with the strongest operation other
        than none.
        """
        cells = {}
        for kind in KINDS:
            entries = []
            for rows in self.weights(kind)[:, 1:].split(self.edges):
                strongest, operation = rows.max(1)
                for state in strongest.sort(descending=True, stable=True).indices[:2].tolist():
                    entries.append(f"{self.names[1 + int(operation[state])]} {state}")
            cells[kind] = entries
        return cells


class SearchCell(nn.Module):
    """A cell in which each node sums up all operations on all states before it."""

    def __init__(
        self,
        edges: list[int],
        before: int,
        last: int,
        channels: int,
        partial: int,
        reduction: bool,
        after_reduction: bool,
        operations: Sequence[str],
    ):
        super().__init__()
        self.kind = KINDS[reduction]
        self.edges, self.partial = edges, partial
        self.prepare = prepare_inputs(before, last, channels, after_reduction)
        strides = [
            2 if reduction and state < NUM_INPUTS else 1
            for num_states in edges
            for state in range(num_states)
        ]
        self.mixtures = nn.ModuleList(Mixture(channels // partial, stride, operations) for stride in strides)

    def forward(self, state0: Tensor, state1: Tensor, weights: Tensor) -> Tensor:
        """Outputs of the two previous cells and weights (E, O) to the output (B, nodes · C, F, N)."""
        states = [prepare(state) for prepare, state in zip(self.prepare, (state0, state1), strict=True)]
        edge = 0
        for num_states in self.edges:
            total = self.mixtures[edge](states[0], weights[edge])
            for i, state in enumerate(states[1:num_states], start=1):
                total = total + self.mixtures[edge + i](state, weights[edge + i])
            edge += num_states
            states.append(shuffle(total, self.partial))
        return torch.cat(states[NUM_INPUTS:], dim=1)


class Mixture(nn.Module):
    """The named operations on the first `size` channels, weighted; others as they are, or halved, times
    the sum of the weights.
    """

    def __init__(self, size: int, stride: int, names: Sequence[str]):
        super().__init__()
        self.size = size
        self.operations = nn.ModuleList(
            with_norm(name, OPERATIONS[name](size, stride, False), size) for name in names
        )
        self.halve = nn.MaxPool2d(2, ceil_mode=True) if stride == 2 else nn.Identity()

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """(B, C, F, N) and (O,) to (B, C, F, N), or half of F and N."""
        active, others = x[:, : self.size], self.halve(x[:, self.size :])
        mixed = sum(
            weight * operation(active) for weight, operation in zip(weights[1:], self.operations, strict=True)
        )  # none adds nothing
        return torch.cat([mixed, weights.sum() * others], dim=1)


def kept_operations(leave_out: Sequence[str]) -> list[str]:
    """Return the operations of the search in their order.

    Raise ConfigError for an unknown name, or where none but `none` is left.
    """
    for name in leave_out:
        if name not in OPERATIONS:
            raise ConfigError(
                f"pc_darts_search: leave_out names {name!r}{nearest(name, list(OPERATIONS))}; operations: "
                f"{', '.join(OPERATIONS)}"
            )
    kept = [name for name in OPERATIONS if name not in leave_out]
    if not kept:
        raise ConfigError("pc_darts_search: leave_out leaves no operation to search among: name fewer")
    return kept


def with_norm(name: str, operation: nn.Module, size: int) -> nn.Module:
    """A pool is followed by BatchNorm, as its output would else be on another scale than that of the
    convolutions.
    """
    return nn.Sequential(operation, BatchNorm2d(size, affine=False)) if "pool" in name else operation


def shuffle(x: Tensor, groups: int) -> Tensor:
    """Deal the channels of (B, C, F, N) out, so that those of all groups alternate."""
    return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)
