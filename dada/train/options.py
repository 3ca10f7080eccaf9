"""Settings of a phase that exclude each other, or that never take effect."""

from dada.errors import ConfigError
from dada.experiment.config import TrainConfig


def check_options(phase: TrainConfig, where: str) -> None:
    """Raise ConfigError for settings of a phase that do not go together; `where` names the phase."""
    average, epochs = phase.average, phase.epochs
    if average.name != "none" and phase.keep == "swa":
        raise ConfigError(
            f"{where}.average: keep: swa is a mean of weights as well: set {where}.keep to best or last"
        )
    if average.name != "none" and 0 < epochs <= average.start:
        raise ConfigError(
            f"{where}.average.start is {average.start}, but the phase has {epochs} epochs: the mean would "
            "never begin"
        )
    if phase.sam.rho and phase.mixed_precision == "fp16":
        raise ConfigError(
            f"{where}.sam: its first pass needs gradients that do not overflow, which float16 has not: set "
            "train.mixed_precision to bf16 or no"
        )
    if phase.batch_seconds and phase.sampler != "shuffle":
        raise ConfigError(
            f"{where}.batch_seconds: sampler {phase.sampler} counts utterances, not seconds: set "
            f"{where}.sampler to shuffle, or {where}.batch_seconds to 0"
        )
    if phase.batch_seconds and phase.drop_last:
        raise ConfigError(
            f"{where}.drop_last: batches of batch_seconds differ in size, and none is incomplete: set false"
        )
