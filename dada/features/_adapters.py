"""Adapters of low rank in a pretrained encoder (LoRA), by the `peft` package.

Hu et al., "LoRA: low-rank adaptation of large language models" (ICLR 2022): beside a frozen linear layer W
learn two thin ones, W x + α/r · B A x, of rank r. B starts at zero, so the outputs are those of the encoder.
"""

from dataclasses import dataclass, field

from torch import nn

from dada.errors import ConfigError, UserError
from dada.limits import Positive, Rate

ATTENTION = ["q_proj", "k_proj", "v_proj", "out_proj"]
# WavLM's attention reads the weights of its linear layers without calling these: an adapter would do nothing
FEED_FORWARD = ["intermediate_dense", "output_dense"]


@dataclass
class Lora:
    """Of every transformer layer in use. `rank` 0 is none."""

    rank: int = 0
    alpha: Positive = 16.0
    dropout: Rate = 0.0
    # last parts of the names of the linear layers; empty takes those of the attention, in WavLM those of the
    # feed-forward part
    targets: list[str] = field(default_factory=list)


def add_lora(network: nn.Module, layers: nn.Module, settings: Lora, model: str) -> None:
    """Put adapters into the transformer `layers` of a `network` in place.

    Raise UserError where peft is not installed, ConfigError for targets that are not there or not used.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise UserError(
            "model.lora_rank puts adapters into the encoder by the package peft, which is not installed: "
            "pip install 'dada-deepfake[ssl]', or pip install peft"
        ) from error
    wavlm = network.config.model_type == "wavlm"  # type: ignore[union-attr]
    targets = settings.targets or (FEED_FORWARD if wavlm else ATTENTION)
    names = {
        name.rpartition(".")[2] for name, module in layers.named_modules() if isinstance(module, nn.Linear)
    }
    usable = sorted(names - set(ATTENTION) if wavlm else names)
    if unknown := [name for name in targets if name not in usable]:
        raise ConfigError(
            f"model.lora_targets: the layers of {model} have no linear layer {unknown[0]!r} that an adapter "
            f"can be put beside; there are {', '.join(usable)}"
        )
    # by name within the layers, so that the encoder's other linear layers of such a name stay as they are
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # peft divides it by the rank
        lora_dropout=settings.dropout,
        target_modules=targets,
    )
    inject_adapter_in_model(config, layers)
