"""Speech recognition by Whisper, behind one interface."""

from pathlib import Path
from typing import TYPE_CHECKING

from dada import plugins
from dada.asr.config import BACKENDS, TranscribeConfig, check

if TYPE_CHECKING:
    from dada.asr.base import Transcriber


def build(config: TranscribeConfig, root: Path) -> "Transcriber":
    """Load the configured model. A relative model folder is looked up in `root`, the recipe's folder.

    `auto` becomes what suits the device (dada/asr/auto.py). Raise ConfigError for invalid values, UserError
    for a model that is not on this machine: nothing is downloaded without `allow_download`.
    """
    # These import numpy and torch, which the schema of a recipe has no need of.
    from dada.asr.auto import resolve
    from dada.asr.base import Transcriber
    from dada.asr.device import choose_device, has_bfloat16

    check(config)
    device = choose_device(config)
    config = resolve(config, Path(root), device, has_bfloat16(device))
    backend = plugins.load(BACKENDS, config.backend, "transcribe.backend").Backend(config, Path(root))
    return Transcriber(backend, config)
