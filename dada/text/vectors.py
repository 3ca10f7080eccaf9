"""Vectors of texts, for the arks of stage extract_features."""

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dada import devices
from dada.text import encoder


def vectors(
    root: Path, settings: Mapping[str, Any], texts: Mapping[str, str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (utterance, vector (D,)) in the order of `texts`.

    `settings` are those of `InputConfig.dump_settings`, `root` is the recipe's folder.
    """
    yield from zip(
        texts, _encoder(json.dumps(settings["features"]), root).encode(list(texts.values())), strict=True
    )


@functools.lru_cache(maxsize=1)  # it takes longer to load than a shard to run
def _encoder(settings: str, root: Path) -> encoder.TextEncoder:
    return encoder.build(json.loads(settings), root, str(devices.device()))
