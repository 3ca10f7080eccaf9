"""Networks: one architecture per file in audio/, text/, fusion/, ensemble/ and open_set/, each with a `Config` and a `Model(nn.Module)`.

A new model is one file here and one YAML in dada/conf. The file holds

* `Config`, a dataclass: the schema of `model:` in the YAML,
* `Model(config, num_classes)` with `forward(batch) -> Output`; a model that is not trained by gradient has
  `estimate(batches, log)` as well, where `batches()` gives a fresh iterator of labelled batches,
* if its training changes over time, `Model.start_epoch(epoch, num_epochs)`, called before each epoch (from 0) of a phase,
* `example() -> (Config, shape)`: a small configuration and the shape of one utterance's input, e.g. `(60, 150)` for 60 features
  and 150 frames, with which the tests go through the contract below; without it `Config()` as it is would be built,
* a text model that does not read the tokens of a pretrained encoder, `tokenize(texts, settings) -> list of ids (L,)`,
* if the authors published weights, `from_official(state) -> state`: their parameter names to ours.

The contract: outputs of the right shapes in float32; every row independent of the others in evaluation mode, and of the padding
behind its length; a gradient for every parameter that the logits depend on; the same outputs after saving and loading.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dada import plugins
from dada.errors import ConfigError

TASKS = ("audio", "text", "fusion", "ensemble", "open_set")


class Output(NamedTuple):
    """What every model returns: logits (B, K) in the order of the system's labels, and embeddings (B, D).

    A model with two classes may give one logit (B, 1): the score of the second.
    """

    logits: Tensor
    embedding: Tensor


def config_class(task: str, name: str) -> type:
    """The `Config` dataclass of a model. Raises ConfigError for an unknown name."""
    return plugins.load(f"dada.models.{task}", name, f"{task} model").Config


def build(task: str, settings: Mapping, num_classes: int) -> nn.Module:
    """The model of `{name: lcnn, ...}` with fresh weights from torch's global generator: seed it first."""
    rest = dict(settings)
    module = plugins.load(f"dada.models.{task}", rest.pop("name"), f"{task} model")
    return module.Model(module.Config(**rest), num_classes)


def load_weights(model: nn.Module, task: str, name: str, path: Path) -> None:
    """Load a state dict, ours or the authors' own, into a model. Raises ConfigError where the file or its parameters do not fit."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist, and weights are to be read from it") from error
    except Exception as error:  # torch raises many kinds for files that hold no weights
        raise ConfigError(f"{path} cannot be read as weights ({error})") from error
    module = plugins.load(f"dada.models.{task}", name, f"{task} model")
    if set(state) != set(model.state_dict()) and hasattr(module, "from_official"):
        state = module.from_official(state)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ConfigError(f"the weights in {path} do not fit the model {name}: {error}") from error
