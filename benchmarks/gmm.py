"""Time an EM iteration of the GMM against scikit-learn, and check that both give the same likelihood.

    python benchmarks/gmm.py [--frames 200000] [--components 64]

Prints medians in milliseconds of processor time of an iteration, the ratio, and the largest difference of a
frame's log likelihood.
"""

import argparse
import logging

import numpy as np
import torch
from sklearn.mixture import GaussianMixture
from timing import HEAD, medians, row

from dada.data import Batch
from dada.models.audio import gmm

# The least ratio of each piece of work, reference to ours.
CLAIMS = {"EM, 64 components": 2.6}
ITERATIONS = 3
NUM_FEATURES = 60


def main() -> None:
    """Fit both from the same start."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=200_000)
    parser.add_argument("--components", type=int, default=64)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(HEAD)
    torch.manual_seed(0)
    frames = (
        torch.randn(args.frames, NUM_FEATURES)
        + 3 * torch.randn(20, NUM_FEATURES)[torch.randint(20, (args.frames,))]
    )
    settings = {
        "num_components": args.components,
        "num_features": NUM_FEATURES,
        "tolerance": -np.inf,
        "init_frames": 20_000,
    }
    torch.manual_seed(1)
    model = gmm.Model(gmm.Config(**settings, iterations=ITERATIONS + 1), 1)  # one to warm up
    clips = [
        Batch(["a"], x.T[None], torch.tensor([len(x)]), torch.zeros(1).long()) for x in frames.split(4000)
    ]
    steps = model.estimate_steps(lambda: iter(clips), logging.getLogger("gmm"))
    start = next(steps)  # the init
    mixture, shift, scale = start["mixtures"][0], start["shift"], start["scale"]
    reference = GaussianMixture(args.components, covariance_type="diag")
    reference.weights_, reference.means_ = (
        mixture["weights"].numpy(),
        (mixture["means"] * scale + shift).numpy(),
    )
    reference.covariances_ = (mixture["variances"] * scale**2).numpy()
    reference.precisions_cholesky_ = reference.covariances_**-0.5
    x = frames.numpy().astype(np.float64)

    def iteration() -> None:
        _, responsibilities = reference._e_step(x)
        reference._m_step(x, responsibilities)

    theirs, ours = medians([iteration, lambda: next(steps)], ITERATIONS)
    list(steps)  # the model takes over what was found
    difference = np.abs(
        reference.score_samples(x[:5000]) - model.log_likelihood(frames[:5000].double())[:, 0].numpy()
    ).max()
    row(
        f"EM, {args.components} components",
        theirs,
        ours,
        f"scikit-learn, log likelihood differs by {difference:.2g}",
    )


if __name__ == "__main__":
    main()
