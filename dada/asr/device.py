"""Checks of device and precision before a model is loaded."""

import torch

from dada.asr.config import TranscribeConfig
from dada.errors import ConfigError


def choose_device(config: TranscribeConfig) -> str:
    """Return `cpu` or `cuda`. Raise ConfigError where `device: cuda` is set and there is no GPU."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("transcribe.device is cuda, and torch sees no GPU: set it to auto or cpu")
    return "cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu"


def has_bfloat16(device: str) -> bool:
    """Return whether a device computes in bfloat16 without emulation: a GPU from Ampere on does."""
    return device == "cpu" or torch.cuda.get_device_capability()[0] >= 8


def require_compute_type(config: TranscribeConfig, device: str, known: tuple[str, ...]) -> None:
    """Raise ConfigError unless the back end supports the configured precision on this device."""
    if config.compute_type not in known:
        raise ConfigError(
            f"transcribe.compute_type={config.compute_type} is not supported by {config.backend} on "
            f"{device}; supported: {', '.join(known)}"
        )
