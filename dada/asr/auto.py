"""What `auto` stands for: the back end, the precision and the batch size that suit a device.

On a CPU, CTranslate2 in int8 is the fastest, and on a GPU transformers in 16 bits.
"""

import dataclasses
import importlib.util
import logging
from pathlib import Path
from typing import Any

from dada import plugins
from dada.asr.config import AUTO, BACKENDS, TranscribeConfig
from dada.errors import UserError

log = logging.getLogger(__name__)

# Back ends from the best to the last, and the package that each needs.
ORDER = {
    "cpu": ("faster_whisper", "transformers", "openai_whisper"),
    "cuda": ("transformers", "faster_whisper", "openai_whisper"),
}
PACKAGES = {"faster_whisper": "faster_whisper", "openai_whisper": "whisper", "transformers": "transformers"}
COMPUTE_TYPES = {
    "cpu": {"faster_whisper": "int8"},  # the others: float32
    "cuda": {"transformers": "bfloat16"},  # the others: float16
}
BATCH_SIZES = {"cpu": 16, "cuda": 128}  # clips


def resolve(config: TranscribeConfig, root: Path, device: str, has_bfloat16: bool = True) -> TranscribeConfig:
    """Return the settings with `auto` replaced for `device`, `cpu` or `cuda`.

    The back end is the best one that is installed and has the model on this machine. Without any, it is the
    best one installed, which then fetches the model or says how to get it. Raise UserError where no back end
    is installed.
    """
    if config.backend == AUTO:
        config = dataclasses.replace(config, backend=_choose(config, root, device))
        log.info("transcribe.backend auto on %s: %s", device, config.backend)
    return _completed(config, device, has_bfloat16)


def identity(config: TranscribeConfig) -> dict[str, Any]:
    """Return the settings that make two sets of transcripts differ, as plain values.

    `auto` stays `auto`: finished transcripts are kept on a machine that would choose another back end, and
    their record tells which one made them. The precision of a stated back end is that on a CPU.
    """
    stated = config if config.backend == AUTO else _completed(config, "cpu", has_bfloat16=True)
    options = dataclasses.asdict(stated)
    del options["allow_download"]  # changes no result
    return options


def _completed(config: TranscribeConfig, device: str, has_bfloat16: bool) -> TranscribeConfig:
    compute_type: Any = config.compute_type
    if compute_type == AUTO:
        compute_type = COMPUTE_TYPES[device].get(config.backend, "float32" if device == "cpu" else "float16")
        if compute_type == "bfloat16" and not has_bfloat16:
            compute_type = "float16"
    batch_size = config.batch_size or BATCH_SIZES[device]
    return dataclasses.replace(config, compute_type=compute_type, batch_size=batch_size)


def _choose(config: TranscribeConfig, root: Path, device: str) -> str:
    greedy_only = {"transformers"} if config.beam_size > 1 else set()
    installed = [
        name for name in ORDER[device] if importlib.util.find_spec(PACKAGES[name]) and name not in greedy_only
    ]
    if not installed:
        raise UserError(
            "transcribe.backend is auto, and no back end is installed: pip install faster-whisper (on a "
            "machine with a GPU: transformers)"
        )
    for name in installed:
        asked = dataclasses.replace(config, backend=name, allow_download=False)
        try:
            plugins.load(BACKENDS, name, "transcribe.backend").find_weights(asked, root)
        except UserError as error:
            log.info("transcribe.backend auto: not %s: %s", name, error)
        else:
            return name
    return installed[0]
