"""An audio system as one ONNX graph: waveform in, logits out, with length rule and front end inside.

input  `waveform` (1, T) float32 at 16 kHz, T free
output `logits` (1, K), in the order of the classes

The graph is compared with the system on waveforms of five lengths, and not written where they differ.
"""

import contextlib
import copy
import io
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import MethodType

import numpy as np
import torch
from torch import Tensor, nn

from dada import features
from dada.data import SAMPLE_RATE, Batch
from dada.data.input import Rule
from dada.errors import ConfigError, UserError
from dada.score.clip import System
from dada.storage.atomic import atomic_path

OPSET = 18
LIMIT = 1e-4  # largest difference of a logit
LENGTHS = (16_000, 37_001, 64_600, 100_003, 160_000)  # samples of the waveforms that are compared
TRACED = 48_000  # samples of the waveform that the graph is recorded on
AMPLITUDE = 0.05  # of the noise in both
INSTALL = "ONNX needs onnx and onnxruntime: pip install 'dada-deepfake[onnx]'"


class Graph(nn.Module):
    """What is written: length rule, features and network of an audio system, for one waveform (1, T)."""

    def __init__(self, system: System):
        super().__init__()
        self.source = system.config.input
        self.model = plain_norms(copy.deepcopy(system.experiment.model))
        self.feature = None
        if self.source.kind == "features":
            self.feature = features.build(self.source.features, system.root)

    def inputs(self, waveform: Tensor) -> Tensor:
        """(1, T) to what the network takes."""
        rule = self.source.length_rule
        x = fitted(waveform, self.source.num_samples, rule)
        return x if self.feature is None else fitted(self.feature(x), self.source.num_frames, rule)

    def forward(self, waveform: Tensor) -> Tensor:
        """(1, T) to logits (1, K)."""
        x = self.inputs(waveform)
        batch = Batch(["clip"], x, torch.tensor([x.shape[-1]]), torch.tensor([-1]))
        return self.model(batch).logits


def fitted(x: Tensor, size: int | None, rule: Rule) -> Tensor:
    """`fit_length` of dada.data without a choice by the length, which a graph cannot make."""
    if rule == "full" or size is None:
        return x
    if rule == "tile":
        return x.index_select(x.ndim - 1, torch.arange(size).remainder(x.shape[-1]))
    return nn.functional.pad(x, (0, size))[..., :size] if rule == "pad" else x[..., :size]


def plain_norms(model: nn.Module) -> nn.Module:
    """Write BatchNorms as a scale and a shift: the exporter does not know all shapes."""

    def scale_and_shift(self: nn.modules.batchnorm._BatchNorm, x: Tensor) -> Tensor:
        shape = (1, -1, *[1] * (x.ndim - 2))
        scale = torch.rsqrt(self.get_buffer("running_var") + self.eps)
        scale = scale if self.weight is None else scale * self.weight
        shift = -self.get_buffer("running_mean") * scale
        shift = shift if self.bias is None else shift + self.bias
        return x * scale.view(shape) + shift.view(shape)

    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_var is not None:
            setattr(module, "forward", MethodType(scale_and_shift, module))  # noqa: B010 - of this module alone
    return model


def write_onnx(system: System, path: Path) -> dict[int, float]:
    """Write the graph of a system; return samples -> largest difference of a logit.

    Raise ConfigError for a system that is none on audio, that the exporter cannot write, or whose graph
    differs by more than LIMIT; UserError where the packages are missing.
    """
    require_packages()
    name = system.config.name
    if system.config.task != "audio":
        raise ConfigError(f"{name} is no audio system: a graph of ONNX is of one audio system")
    content = exported_bytes(Graph(system).eval(), name)
    found = differences(system, content)
    worst = max(found.values())
    if not worst <= LIMIT:
        raise ConfigError(
            f"the graph of {name} differs by {worst:.1e} from the system, and {LIMIT:g} is allowed: it was "
            "not written"
        )
    with atomic_path(path) as partial:
        partial.write_bytes(_described(content, system))
    return found


def require_packages() -> None:
    """Raise UserError where onnx or onnxruntime is not installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise UserError(f"{INSTALL} ({error})") from error


def exported_bytes(graph: nn.Module, name: str) -> bytes:
    """Return a graph in ONNX. Raise ConfigError for what the exporter cannot write."""
    content = io.BytesIO()
    generator = torch.Generator().manual_seed(1)
    waveform = AMPLITUDE * torch.randn(1, TRACED, generator=generator)
    try:
        with _quiet(), torch.no_grad():
            torch.onnx.export(
                graph,
                (waveform,),
                content,  # type: ignore[arg-type]  # a stream works as well
                input_names=["waveform"],
                output_names=["logits"],
                dynamic_axes={"waveform": {1: "samples"}},
                opset_version=OPSET,
                dynamo=False,  # the other exporter needs a further package
            )
    except Exception as error:  # it raises many kinds for operators that it does not know
        reason = str(error).strip().partition("\n")[0].partition(". ")[0].partition("  [")[0]
        raise ConfigError(f"{name} cannot be written as ONNX: {reason or type(error).__name__}") from error
    return content.getvalue()


def differences(system: System, content: bytes) -> dict[int, float]:
    """Return samples -> largest difference between the logits of a graph and those of the system.

    It is infinite where the graph takes no waveform of that length.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    generator, found = np.random.default_rng(2), {}
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    for length in LENGTHS:
        waveform = (AMPLITUDE * generator.standard_normal(length)).astype(np.float32)
        own = _logits(system, waveform)
        try:
            (logits,) = session.run(None, {"waveform": waveform[None]})
            found[length] = float(np.abs(logits[0] - own).max())
        except Exception:  # onnxruntime raises classes of its own, without a common one that is public
            found[length] = float("inf")
    return found


def _logits(system: System, waveform: np.ndarray) -> np.ndarray:
    from dada.score.clip import Clip

    clip = Clip("clip", waveform, "-", lambda _: "")
    return system.run(clip).outputs.logits[0].numpy()


def _described(content: bytes, system: System) -> bytes:
    """Return a graph with what its input and its output mean."""
    import onnx

    model = onnx.load_from_string(content)
    facts = {
        "system": system.config.name,
        "labels": ", ".join(system.experiment.labels),
        "sample_rate": str(SAMPLE_RATE),
        "score": "logit of bonafide minus logit of spoof; of a single logit this logit; higher: bona fide",
    }
    onnx.helper.set_model_props(model, facts)
    return model.SerializeToString()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what the exporter prints, which is not Python's to redirect, and its warnings."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "w") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)
