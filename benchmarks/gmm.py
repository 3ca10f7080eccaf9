"""Time an EM iteration of the GMM against scikit-learn, and check that both give the same likelihood.

    python benchmarks/gmm.py [--frames 200000] [--components 64]

Prints seconds of processor time of an iteration, the ratio, and the largest difference of a frame's log likelihood.
"""

import argparse
import logging
import time

import numpy as np
import torch
from sklearn.mixture import GaussianMixture

from dada.data import Batch
from dada.models.audio import gmm

ITERATIONS = 3
NUM_FEATURES = 60


def main() -> None:
    """Fit both from the same start."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=200_000)
    parser.add_argument("--components", type=int, default=64)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    frames = torch.randn(args.frames, NUM_FEATURES) + 3 * torch.randn(20, NUM_FEATURES)[torch.randint(20, (args.frames,))]
    settings = {"num_components": args.components, "num_features": NUM_FEATURES, "tolerance": -np.inf, "init_frames": 20_000}

    def fit(iterations: int) -> tuple[gmm.Model, float]:
        torch.manual_seed(1)
        model = gmm.Model(gmm.Config(**settings, iterations=iterations), 1)
        start = time.process_time()
        model.estimate(lambda: (Batch(["a"], x.T[None], torch.tensor([len(x)]), torch.zeros(1).long()) for x in frames.split(4000)), log)
        return model, time.process_time() - start

    log = logging.getLogger("gmm")
    start, without = fit(0)
    model, total = fit(ITERATIONS)
    ours = (total - without) / ITERATIONS
    reference = GaussianMixture(args.components, covariance_type="diag")
    reference.weights_, reference.means_, reference.covariances_ = (b[0].numpy() for b in (start.weights, start.means, start.variances))
    reference.precisions_cholesky_ = reference.covariances_**-0.5
    x, begun = frames.numpy().astype(np.float64), time.process_time()
    for _ in range(ITERATIONS):
        _, responsibilities = reference._e_step(x)
        reference._m_step(x, responsibilities)
    theirs = (time.process_time() - begun) / ITERATIONS
    difference = np.abs(reference.score_samples(x[:5000]) - model.log_likelihood(frames[:5000].double())[:, 0].numpy()).max()
    print(f"scikit-learn {theirs:.3f} s, ours {ours:.3f} s, ratio {theirs / ours:.2f}, largest difference {difference:.2g}")


if __name__ == "__main__":
    main()
