"""Speech recognition by Whisper, behind one interface."""

from pathlib import Path
from typing import TYPE_CHECKING

from dada import plugins
from dada.asr.config import TranscribeConfig, check

if TYPE_CHECKING:
    from dada.asr.base import Transcriber


def build(config: TranscribeConfig, root: Path) -> "Transcriber":
    """Load the configured model. A relative model folder is looked up in `root`, the recipe's folder.

    Raise ConfigError for invalid values, UserError for a model that is not on this machine: nothing is
    downloaded without `allow_download`.
    """
    from dada.asr.base import Transcriber  # imports numpy, which the schema of a recipe has no need of

    check(config)
    backend = plugins.load("dada.asr.backends", config.backend, "transcribe.backend").Backend(
        config, Path(root)
    )
    return Transcriber(backend, config)
