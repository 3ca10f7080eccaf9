"""Speech recognition by Whisper, behind one interface."""

from pathlib import Path

from dada import plugins
from dada.asr.base import Transcriber, Transcript
from dada.asr.config import TranscribeConfig, check

__all__ = ["TranscribeConfig", "Transcriber", "Transcript", "build"]


def build(config: TranscribeConfig, root: Path) -> Transcriber:
    """Load the configured model; a relative model folder is looked for in `root`, the recipe's folder.

    Raises ConfigError for values that don't fit, UserError for a model that is not on this machine: nothing
    is downloaded unless `allow_download` says so.
    """
    check(config)
    backend = plugins.load("dada.asr.backends", config.backend, "transcribe.backend").Backend(
        config, Path(root)
    )
    return Transcriber(backend, config)
