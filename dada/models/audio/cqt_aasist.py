"""CQT-AASIST: the graphs of AASIST on a log-CQT.

Han et al., "CAU_KU deep fake detection system for ADD 2023 challenge" (DADA workshop, 2023), figure 2:
everything after the feature map is AASIST's (`aasist`), and what makes the map, a "variant encoder", is not
described. Here, as in AASIST, a 3 x 3 max pool, BatchNorm and SELU, then the six residual blocks; two of them
halve the time, so that 100 bins by 282 frames become 33 by 23 nodes, about as many as AASIST has (23 by 29).
298,506 parameters: AASIST's, and 64 for each of the ten more bands, whose positions are learned.

Axes: B batch, F features, N frames, C channels, D features of a node, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.models import Output
from dada.models.audio._lengths import run_by_length
from dada.models.audio._norm import BatchNorm2d
from dada.models.audio._spectro_temporal import Encoder
from dada.models.audio.aasist import GraphConfig, Graphs, check_sizes

POOL = 3  # of the image, in both directions


@dataclass
class Config(GraphConfig):
    num_features: int = 100  # F
    pools: list[int] = field(default_factory=lambda: [1, 2, 1, 2, 1, 1])  # of each block, in time


class Model(nn.Module):
    """Features (B, F, N) to logits (B, K) and embeddings (B, 160)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        self.trunk = Trunk(config, config.num_features, config.pools)
        self.classify = nn.Linear(self.trunk.size, num_classes)

    def forward(self, batch: Batch) -> Output:
        """(B, F, N) to logits (B, K); the embedding is what enters the last layer, after dropout.

        Raise ConfigError for another number of features, DataError for a clip without a frame of the map.
        """
        rows, wanted = batch.inputs.shape[1], self.config.num_features
        if rows != wanted:
            raise ConfigError(
                f"the features have {rows} rows, but model.num_features is {wanted}: set it as "
                "input.features says"
            )
        return run_by_length(batch, self.trunk.shortest, self._run, "frames")

    def _run(self, x: Tensor) -> Output:
        embedding = self.trunk(x[:, None])
        return Output(self.classify(embedding), embedding)


class Trunk(nn.Module):
    """An image (B, 1, F, N) to what AASIST's last layer reads, (B, 5 D)."""

    def __init__(self, config: GraphConfig, num_rows: int, pools: Sequence[int]):
        super().__init__()
        check_sizes(config)
        if len(pools) != len(config.channels):
            raise ConfigError(
                f"model.pools has {len(pools)} numbers, but there are {len(config.channels)} blocks: give "
                "one each"
            )
        if num_rows < POOL:
            raise ConfigError(f"{num_rows} features a frame are too few for a pool of {POOL}: choose others")
        self.norm = BatchNorm2d(1)
        self.encoder = Encoder(config.channels, pools, config.dead_preact)
        self.graphs = Graphs(config, config.channels[-1], num_rows // POOL)
        self.size = self.graphs.size
        self.shortest = POOL  # frames for one of the map
        for pool in pools:
            self.shortest *= pool

    def forward(self, x: Tensor) -> Tensor:
        return self.graphs(self.encoder(nn.functional.selu(self.norm(nn.functional.max_pool2d(x, POOL)))))


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests, without parameters that no output depends on."""
    config = Config(channels=[4, 4, 8, 8, 8, 8], node_sizes=[8, 4], dead_preact=False, num_features=20)
    return config, (20, 60)
