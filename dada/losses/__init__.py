"""Losses, one per file: a `Config` and a `Loss(nn.Module)`, called with an `Output` and a `Batch`.

What a loss may have besides:

* `start_epoch()`, `margins()`, `final_margin()`: its margins, in training, in the log and for the next phase,
* `prepare(model, train)`: takes what it needs of the network and of the training data before a phase,
* `groups(batch)`: numbers (B,) that it reads as `batch.groups` where a batch lies in several processes,
* `check`, whose `read()` raises errors that were put off so as not to wait for a GPU,
* `weight(batch)`: what the sum over a batch is divided by, where that is not the number of rows,
* `SCORE_KIND`, one of `SCORE_KINDS` in dada.evaluation_settings, where it does not train logits: "cosine",
* `NEEDS_BATCH = True` where the loss of a batch is no mean over its parts.
"""

from collections.abc import Mapping

from torch import nn

from dada import plugins
from dada.settings import build as build_settings


def build(settings: Mapping) -> nn.Module:
    """The loss of `{name: cross_entropy, ...}`."""
    rest = dict(settings)
    module = plugins.load("dada.losses", rest.pop("name"), "loss")
    return module.Loss(build_settings(module.Config, rest, "loss settings"))
