"""Networks: one architecture per file in audio/, text/, fusion/, ensemble/ and open_set/, each with a
`Config` and a `Model(nn.Module)`.

A new model is one file here and one YAML in dada/conf. The file holds

* `Config`, a dataclass: the schema of `model:` in the YAML,
* `Model(config, num_classes)` with `forward(batch) -> Output`; a model that is not trained by gradient has
  `estimate(batches, log)` as well, where `batches()` gives a fresh iterator of labelled batches; where it
  also has `estimate_steps(batches, log, progress)`, which yields what to go on from as `progress`, a killed
  training does not start over,
* if its training changes over time, `Model.start_epoch(epoch, num_epochs)`, called before each epoch (from 0)
  of a phase,
* if some parameters of a part never learn, `frozen_parameters()` of that part, which no phase of a training
  lets learn,
* if the model can hold a pretrained encoder or read its stored outputs, `Model.pretrained_parts`, the
  beginnings of the encoder's names, which weights that were learned on stored outputs may lack,
* `example() -> (Config, shape)`: a small configuration and the shape of one utterance's input, e.g. `(60,
  150)` for 60 features and 150 frames, with which the tests go through the contract below,
* a text model that does not read the tokens of a pretrained encoder, `tokenize(texts, settings) -> list of
  ids (L,)`,
* if what its score is does not follow from a loss, `SCORE_KIND`, one of `SCORE_KINDS` in
  dada.evaluation_settings: of a Gaussian mixture "mean_frame_llr",
* if the authors published weights, `from_official(state) -> state`: their parameter names to ours.

The contract: outputs of the right shapes in float32; every row independent of the others in evaluation mode,
and of the padding behind its length; a gradient for every parameter that the logits depend on; the same
outputs after saving and loading.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

from dada import plugins
from dada.data.batch import Batch
from dada.errors import DadaError
from dada.models.weights import load_weights
from dada.settings import build as build_settings

__all__ = ["Batches", "Output", "build", "load_weights"]

Batches = Callable[[], Iterator[Batch]]  # every call gives the labelled batches of the training set anew


class Output(NamedTuple):
    """What every model returns: logits (B, K) in the order of the system's labels, and embeddings (B, D).

    A model with two classes may give one logit (B, 1): the score of the second.
    """

    logits: Tensor
    embedding: Tensor


def build(task: str, settings: Mapping, num_classes: int) -> nn.Module:
    """The model of `{name: lcnn, ...}` with fresh weights from torch's global generator: seed it first."""
    rest = dict(settings)
    module = plugins.load(f"dada.models.{task}", rest.pop("name"), f"{task} model")
    model = module.Model(build_settings(module.Config, rest, "model settings"), num_classes)
    model.register_forward_hook(partial(_check_output, num_classes))
    return model


def _check_output(num_classes: int, model: nn.Module, inputs: tuple[Batch], output: Any) -> None:
    """Raise DadaError for an output that breaks the contract, before a loss or a score is made of it."""
    rows, name = len(inputs[0]), type(model).__module__
    if not isinstance(output, Output):
        returned = type(output).__name__
        raise DadaError(
            f"{name}: forward returned {returned}, expected dada.models.Output(logits, embedding)"
        )
    logits, embedding = (tuple(part.shape) for part in output)
    if logits != (rows, num_classes) and (num_classes, logits) != (2, (rows, 1)):
        one = f" or ({rows}, 1)" if num_classes == 2 else ""
        raise DadaError(
            f"{name}: the logits have the shape {logits}, expected ({rows}, {num_classes}){one} for {rows} "
            f"utterances and {num_classes} classes"
        )
    if len(embedding) != 2 or embedding[0] != rows:
        raise DadaError(f"{name}: the embeddings have the shape {embedding}, expected ({rows}, D)")
