"""How many steps integrated gradients need: completeness error of a system's published weights, by background
and number of steps.

    python benchmarks/integrated_gradients.py \\
        LA_E_6163791.flac LA_D_1003356.flac LA_E_1798025.flac LA_T_*.flac \\
      --init AASIST.pth --steps 4 8 16 32 --steps_of_others 4 8

The first clips are explained, against silence and against the others, for one logit. A line for each clip,
background and number of steps has the completeness error, how far the logit is from its mean over the
background, and the processor's time.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dada import models
from dada.data import SAMPLE_RATE, fit_length, read_audio
from dada.data.batch import Batch
from dada.recipe.config import load_system_config

POINTS_AT_ONCE = 4


class Line:
    """A logit on the way from one waveform (1, T) to another, from 0 to 1."""

    def __init__(self, model: nn.Module, logit: int, start: Tensor, end: Tensor):
        self.model, self.logit, self.start, self.change = model, logit, start, end - start

    def at(self, inputs: Tensor) -> Tensor:
        """Of inputs (B, T), (B,)."""
        return self.model(
            Batch(["-"] * len(inputs), inputs, torch.full((len(inputs),), inputs.shape[1]))
        ).logits[:, self.logit]

    def integral(self, steps: int) -> float:
        """Of its slope, which is what the values add up to; by the points and weights of Gauss and Legendre,
        as captum has them.
        """
        places, weights = np.polynomial.legendre.leggauss(steps)
        total = 0.0
        for part in np.array_split(np.arange(steps), -(-steps // POINTS_AT_ONCE)):
            inputs = (
                self.start + torch.from_numpy((places[part, None] + 1) / 2).float() * self.change
            ).requires_grad_()
            (gradient,) = torch.autograd.grad(self.at(inputs).sum(), inputs)
            total += float(torch.from_numpy(weights[part] / 2) @ (gradient * self.change).double().sum(1))
        return total


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--system", default="aasist", help="one on waveforms")
    parser.add_argument("--init", type=Path, required=True)
    parser.add_argument("--logit", type=int, default=1)
    parser.add_argument("--num_explained", type=int, default=3)
    parser.add_argument("--num_others", type=int, default=5)
    parser.add_argument("--steps", type=int, nargs="*", default=[4, 8, 16, 32, 64], help="against silence")
    parser.add_argument(
        "--steps_of_others", type=int, nargs="*", default=[4, 8, 16], help="against other clips"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    config = load_system_config(args.system)
    model = models.build(config.task, config.model, len(config.labels))
    models.load_weights(model, config.task, config.model["name"], args.init)
    model.eval().requires_grad_(False)
    size, rule = config.input.num_samples, config.input.length_rule
    clips = [
        fit_length(torch.from_numpy(read_audio(clip, SAMPLE_RATE)), size, rule)[None] for clip in args.clips
    ]
    others = clips[args.num_explained :][: args.num_others]
    print(f"{'clip':28} {'background':10} {'steps':>5} {'error':>8} {'change':>7} {'seconds':>8}")
    for name, clip in zip(args.clips[: args.num_explained], clips, strict=False):
        silence = [torch.zeros_like(clip)]
        for kind, starts, counts in (
            ("silence", silence, args.steps),
            (f"{len(others)} clips", others, args.steps_of_others),
        ):
            lines = [Line(model, args.logit, start, clip) for start in starts]
            with torch.no_grad():
                change = np.mean([float(line.at(clip) - line.at(line.start)) for line in lines])
            for steps in counts:
                begin = time.process_time()
                error = abs(np.mean([line.integral(steps) for line in lines]) - change) / abs(change)
                seconds = time.process_time() - begin
                print(
                    f"{Path(name).stem[-28:]:28} {kind:10} {steps:5} {error:8.4f} {change:7.2f} "
                    f"{seconds:8.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
