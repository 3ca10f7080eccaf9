"""GradientShap: the mean gradient at random points on lines from random backgrounds to the input, times their
difference, by captum.

An estimate of integrated gradients over all of the background (Erion et al., "Improving performance of deep
learning models with axiomatic attribution priors and expected gradients", Nature Machine Intelligence 2021).
The follow-up of "Explaining deepfake detection with SHAP" (Ge et al., Odyssey 2022) takes 20 samples and
zeros for a background: `zeros=True`.

Axes: B utterances, K targets.
"""

from collections.abc import Sequence

import numpy as np
import torch
from captum.attr import GradientShap
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.explain.methods._gradient import as_function, baselines, mean_output


def attribute(
    model: nn.Module,
    batch: Batch,
    background: Batch,
    targets: Sequence[int],
    num_samples: int = 20,
    noise: float = 0.0,
    zeros: bool = False,
    seed: int = 0,
    rows_at_once: int = 4,
) -> tuple[Tensor, Tensor]:
    """Values (B, K, ...) and base values (B, K), from `num_samples` gradients for each. Raises NoGradient.

    `noise` is the standard deviation of what is added to the input, in its units. The same seed gives the
    same values; the random generators are left as they were.
    """
    logits = as_function(model, batch)
    starts = baselines(background, zeros)
    method = GradientShap(logits)
    values = torch.zeros(
        len(batch),
        len(targets),
        *batch.inputs.shape[1:],
        dtype=batch.inputs.dtype,
        device=batch.inputs.device,
    )
    state = np.random.get_state()  # captum draws from NumPy's and torch's global generators
    with torch.random.fork_rng():
        for i, x in enumerate(batch.inputs):
            for k, target in enumerate(targets):
                np.random.seed(seed)
                torch.manual_seed(seed)
                for start in range(0, num_samples, rows_at_once):
                    count = min(rows_at_once, num_samples - start)
                    part = method.attribute(
                        x[None], starts, n_samples=count, stdevs=noise, target=target
                    ).detach()[0]
                    values[i, k] += part * (count / num_samples)
    np.random.set_state(state)
    base = mean_output(logits, starts, targets)
    return values, base.to(values.dtype).expand(len(batch), -1)
