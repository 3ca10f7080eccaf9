"""Speech recognition by Whisper, behind one interface."""

from pathlib import Path

from dada import plugins
from dada.asr.base import Transcriber, Transcript
from dada.asr.config import TranscribeConfig, check

__all__ = ["TranscribeConfig", "Transcriber", "Transcript", "build"]


def build(config: TranscribeConfig, root: Path) -> Transcriber:
    """Load the configured model. A relative model folder is looked up in `root`, the recipe's folder.

    Raise ConfigError for invalid values, UserError for a model that is not on this machine: nothing is
    downloaded without `allow_download`.
    """
    check(config)
    backend = plugins.load("dada.asr.backends", config.backend, "transcribe.backend").Backend(
        config, Path(root)
    )
    return Transcriber(backend, config)
