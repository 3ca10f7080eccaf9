"""How many steps integrated gradients need: completeness error of a system's published weights, by steps and background.

    python benchmarks/integrated_gradients.py --system aasist --init AASIST.pth --num_explained 3 --steps 4 8 16 32 -- clips/*.flac

The first clips are explained, against silence and against the others. Along a straight line the values add up to the integral of the
logits' derivative in its direction, so forward derivatives at the same points as captum's tell the completeness error of both logits
without a backward pass. Prints it for each clip, background and number of steps on every line, the larger one of both logits, and what a
logit changes by. `--silence_steps` are for silence alone.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dada import models
from dada.data import SAMPLE_RATE, fit_length, read_audio
from dada.data.batch import Batch
from dada.explain import completeness_error
from dada.recipe.config import load_system_config

LINES_AT_ONCE = 4


class Line:
    """A model's logits (K,) on the way from one input to another, from 0 to 1."""

    def __init__(self, model: torch.nn.Module, start: Tensor, end: Tensor):
        self.model, self.start, self.change = model, start, end - start

    def logits(self, inputs: Tensor) -> Tensor:
        return self.model(Batch(["-"] * len(inputs), inputs, torch.full((len(inputs),), inputs.shape[-1]))).logits

    def integral(self, steps: int) -> Tensor:
        """Of the derivative, by the points and weights of Gauss and Legendre, as captum has them."""
        points, weights = np.polynomial.legendre.leggauss(steps)
        total = torch.zeros(2, dtype=torch.float64)
        for part in np.array_split(np.arange(steps), -(-steps // LINES_AT_ONCE)):
            at = torch.from_numpy((points[part] + 1) / 2).float()[:, None]
            inputs = self.start + at * self.change
            _, slopes = torch.func.jvp(self.logits, (inputs,), (self.change.expand_as(inputs).contiguous(),))
            total += torch.from_numpy(weights[part] / 2) @ slopes.detach().double()
        return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--system", default="aasist", help="one on waveforms")
    parser.add_argument("--init", type=Path, required=True)
    parser.add_argument("--num_explained", type=int, default=3)
    parser.add_argument("--num_others", type=int, default=5)
    parser.add_argument("--steps", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--silence_steps", type=int, nargs="*", default=[32, 64])
    args = parser.parse_args()
    torch.set_num_threads(1)
    config = load_system_config(args.system)
    model = models.build(config.task, config.model, len(config.labels))
    models.load_weights(model, config.task, config.model["name"], args.init)
    model.eval().requires_grad_(False)
    clips = [
        fit_length(torch.from_numpy(read_audio(clip, SAMPLE_RATE)), config.input.num_samples, config.input.length_rule)[None]
        for clip in args.clips
    ]
    others = clips[args.num_explained :][: args.num_others]
    print(f"{'clip':28} {'background':10} {'steps':>5} {'error':>8} {'change':>7} {'seconds':>8}")
    for name, clip in zip(args.clips[: args.num_explained], clips, strict=False):
        silence = [torch.zeros_like(clip)]
        for kind, starts, more in (("silence", silence, args.silence_steps), (f"{len(others)} clips", others, [])):
            lines = [Line(model, start, clip) for start in starts]
            output = lines[0].logits(clip)
            base = torch.cat([line.logits(line.start) for line in lines]).double().mean(0, keepdim=True)
            for steps in [*args.steps, *more]:
                start = time.process_time()
                sums = torch.stack([line.integral(steps) for line in lines]).mean(0)
                seconds = time.process_time() - start
                error = float(completeness_error(sums[None, :, None], base, output).max())
                change = float((output - base).abs().min())
                print(f"{Path(name).stem[-28:]:28} {kind:10} {steps:5} {error:8.4f} {change:7.2f} {seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()
