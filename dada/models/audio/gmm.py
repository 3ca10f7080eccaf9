"""One Gaussian mixture with diagonal covariances per class; the score is a mean log likelihood ratio over
frames.

The LFCC-GMM baseline of ASVspoof 2019 and 2021 (512 components, 10 iterations), and the GMMs of the CAU_KU
system for ADD 2023 (16 to 128). Fitted by EM over batches, in memory that does not grow with the corpus: the
sums are kept in float64, and frames are standardised first so that float32 suffices for the rest. The
variance floor is scikit-learn's, 1e-6.

Axes: B batch, F features, N frames, M frames of a whole batch, C components, K classes.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from dada.data.batch import Batch, required_labels
from dada.errors import DataError
from dada.limits import Limits
from dada.models import Batches, Output
from dada.models.audio._lengths import valid_frames

CHUNK = 8192  # frames worked on at once
KMEANS_ITERATIONS = 20  # at most; EM does the rest
SCORE_KIND = "mean_frame_llr"  # frames depend on each other: the mean needs a calibration
STATE = ("weights", "means", "variances", "mean", "converged")  # of a mixture between two iterations


@dataclass
class Config:
    """`num_features` must be that of the feature. Defaults of the ASVspoof 2021 baseline."""

    num_components: int = 512
    num_features: int = 60
    # random: responsibilities from the nearest of randomly drawn frames
    init: Literal["kmeans", "random"] = "kmeans"
    init_frames: int = 100_000  # random frames of a class that the init looks at
    iterations: int = 10  # of EM over all frames, at most
    # a class is done when its mean log likelihood per frame gains less; below 0 it never is
    tolerance: Annotated[float, Limits()] = 1e-3
    variance_floor: float = 1e-6  # added to every variance


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(num_components=4, num_features=20, iterations=3), (20, 60)


class Model(nn.Module):
    """Features (B, F, N) to logits (B, K): the mean log likelihood of the valid frames under each class.
    Embedding: the same.
    """

    weights: Tensor
    means: Tensor
    variances: Tensor

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        shape = (num_classes, config.num_components, config.num_features)
        self.register_buffer("weights", torch.full(shape[:2], 1 / config.num_components, dtype=torch.float64))
        self.register_buffer("means", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("variances", torch.ones(shape, dtype=torch.float64))

    def forward(self, batch: Batch) -> Output:
        """Frames behind a clip's end do not count. In float64, whatever the input."""
        frames, owner = _valid_frames(batch)
        total = torch.zeros(len(batch), len(self.weights), dtype=torch.float64, device=frames.device)
        for chunk, rows in zip(frames.split(CHUNK), owner.split(CHUNK), strict=True):
            total.index_add_(0, rows, self.log_likelihood(chunk.double()))
        logits = (total / batch.lengths.to(total.device)[:, None]).float()
        return Output(logits, logits)

    def log_likelihood(self, frames: Tensor) -> Tensor:
        """Frames (M, F) to log p(frame | class), (M, K)."""
        mixtures = zip(self.weights, self.means, self.variances, strict=True)
        return torch.stack(
            [torch.logsumexp(joint_log_density(frames, *mixture), dim=1) for mixture in mixtures], dim=1
        )

    def estimate(self, batches: Batches, log: logging.Logger) -> None:
        """Fit all classes, each on its own clips, from labelled batches. Randomness comes from torch's global
        generator.

        `batches()` gives the training set anew at every call: twice for the init and once per iteration.
        Raise DataError for a class with fewer frames than components, or another number of features than
        configured.
        """
        for _ in self.estimate_steps(batches, log):
            pass

    def estimate_steps(
        self, batches: Batches, log: logging.Logger, progress: dict | None = None
    ) -> Iterator[dict]:
        """The same step by step: yields after the init and after every iteration what a later call goes on
        from, as `progress`.
        """
        if progress is None:
            counts, shift, scale = self._statistics(batches)
            floor = self.config.variance_floor / scale**2
            mixtures = [
                Mixture.init(frames, self.config, floor)
                for frames in self._sample(batches, counts, shift, scale)
            ]
            done = 0
            yield {
                "done": done,
                "shift": shift,
                "scale": scale,
                "mixtures": [mixture.state() for mixture in mixtures],
            }
        else:
            done, shift, scale = (
                progress["done"],
                *(progress[key].to(self.means.device) for key in ("shift", "scale")),
            )
            floor = self.config.variance_floor / scale**2
            mixtures = [Mixture.from_state(state, self.means.device) for state in progress["mixtures"]]
        while done < self.config.iterations and (
            running := [mixture for mixture in mixtures if not mixture.converged]
        ):
            for label, frames in self._labelled_frames(batches):
                if not mixtures[label].converged:
                    mixtures[label].accumulate(((frames - shift) / scale).float())
            for mixture in running:
                mixture.update(self.config.tolerance, floor)
            done += 1
            means = ", ".join(f"{mixture.mean - scale.log().sum():.4f}" for mixture in mixtures)
            log.info("EM iteration %d: mean log likelihood %s", done, means)
            yield {
                "done": done,
                "shift": shift,
                "scale": scale,
                "mixtures": [mixture.state() for mixture in mixtures],
            }
        for k, mixture in enumerate(mixtures):
            self.weights[k] = mixture.weights
            self.means[k] = mixture.means * scale + shift
            self.variances[k] = mixture.variances * scale**2

    def _statistics(self, batches: Batches) -> tuple[list[int], Tensor, Tensor]:
        """Frames per class, and mean and standard deviation (F,) over all classes."""
        counts = [0] * len(self.weights)
        size = self.config.num_features
        total, squares = torch.zeros(2, size, dtype=torch.float64)
        for label, frames in self._labelled_frames(batches):
            if frames.shape[1] != size:
                raise DataError(
                    f"the features have {frames.shape[1]} rows but model.num_features is {size}: set it to "
                    f"{frames.shape[1]}"
                )
            counts[label] += len(frames)
            total += frames.sum(0).cpu()
            squares += frames.square().sum(0).cpu()
        for label, count in enumerate(counts):
            if count < self.config.num_components:
                raise DataError(
                    f"class number {label} has {count} training frames, too few for "
                    f"{self.config.num_components} components"
                )
        shift = total / sum(counts)
        scale = (squares / sum(counts) - shift**2).clamp_min(1e-12).sqrt()
        return counts, shift.to(self.means.device), scale.to(self.means.device)

    def _sample(self, batches: Batches, counts: list[int], shift: Tensor, scale: Tensor) -> list[Tensor]:
        """About `init_frames` random standardised frames of every class, (M, F) float32."""
        chosen: list[list[Tensor]] = [[] for _ in counts]
        for label, frames in self._labelled_frames(batches):
            if counts[label] > self.config.init_frames:
                frames = frames[
                    torch.rand(len(frames)).to(frames.device) < self.config.init_frames / counts[label]
                ]
            chosen[label].append(((frames - shift) / scale).float())
        return [torch.cat(parts) for parts in chosen]

    def _labelled_frames(self, batches: Batches) -> Iterator[tuple[int, Tensor]]:
        """(class, frames (M, F) float64) of every class in every batch."""
        for batch in batches():
            frames, owner = _valid_frames(batch.to(self.means.device))
            labels = required_labels(batch).to(owner.device)[owner]
            for label in labels.unique().tolist():
                yield label, frames[labels == label].double()


class Mixture:
    """One mixture while it is being fitted, in the space of standardised frames."""

    def __init__(self, weights: Tensor, means: Tensor, variances: Tensor):
        self.weights, self.means, self.variances = weights, means, variances  # float64
        self.mean = -math.inf  # log likelihood per frame before the last update
        self.converged = False
        self._reset()

    @classmethod
    def init(cls, frames: Tensor, config: Config, floor: Tensor) -> "Mixture":
        """From hard assignments of frames (M, F) to k-means clusters or to randomly drawn frames."""
        size = config.num_components
        centres = frames[torch.randperm(len(frames))[:size].to(frames.device)]
        if config.init == "kmeans":
            centres = kmeans(frames, centres)
        moments = _Moments(size, frames.shape[1], frames.device)
        for chunk in frames.split(CHUNK):
            moments.add(chunk, nn.functional.one_hot(torch.cdist(chunk, centres).argmin(1), size).float())
        return cls(*moments.mixture(floor))

    def state(self) -> dict:
        """The state of this mixture between two iterations."""
        return {key: getattr(self, key) for key in STATE}

    @classmethod
    def from_state(cls, state: dict, device: torch.device) -> "Mixture":
        """The mixture that `state()` describes."""
        mixture = cls(*(state[key].to(device) for key in STATE[:3]))
        mixture.mean, mixture.converged = state["mean"], state["converged"]
        return mixture

    def accumulate(self, frames: Tensor) -> None:
        """E step on frames (M, F) float32."""
        mixture = [value.float() for value in (self.weights, self.means, self.variances)]
        for chunk in frames.split(CHUNK):
            joint = joint_log_density(chunk, *mixture)
            responsibilities = torch.softmax(joint, dim=1)
            # log Σ exp without a second pass of exp: the largest responsibility is exp(largest - log Σ exp),
            # and no less than 1 / C.
            likelihood = joint.amax(1) - responsibilities.amax(1).log()
            self._total += likelihood.sum(dtype=torch.float64)
            self._moments.add(chunk, responsibilities)
            self._count += len(chunk)

    def update(self, tolerance: float, floor: Tensor) -> None:
        """M step from the accumulated moments."""
        mean = float(self._total) / self._count
        self.converged = mean - self.mean < tolerance
        self.mean = mean
        self.weights, self.means, self.variances = self._moments.mixture(floor)
        self._reset()

    def _reset(self) -> None:
        num_components, num_features = self.means.shape
        self._moments = _Moments(num_components, num_features, self.means.device)
        self._total, self._count = torch.zeros((), dtype=torch.float64, device=self.means.device), 0


class _Moments:
    """Zeroth, first and second moments per component, in float64."""

    def __init__(self, num_components: int, num_features: int, device: torch.device):
        self.zeroth = torch.zeros(num_components, dtype=torch.float64, device=device)
        self.first, self.second = torch.zeros(
            2, num_components, num_features, dtype=torch.float64, device=device
        )

    def add(self, frames: Tensor, responsibilities: Tensor) -> None:
        """Frames (M, F) with responsibilities (M, C)."""
        self.zeroth += responsibilities.sum(0, dtype=torch.float64)
        self.first += responsibilities.T @ frames
        self.second += responsibilities.T @ frames.square()

    def mixture(self, floor: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Weights (C,), means (C, F), variances (C, F) plus `floor` (F,)."""
        mass = self.zeroth[:, None] + 10 * torch.finfo(torch.float64).eps
        means = self.first / mass
        variances = (self.second / mass - means**2).clamp_min(0) + floor
        return mass[:, 0] / mass.sum(), means, variances


def joint_log_density(frames: Tensor, weights: Tensor, means: Tensor, variances: Tensor) -> Tensor:
    """log(weight · density) of frames (M, F) under every component, (M, C)."""
    precisions = 1 / variances
    constant = torch.log(weights) - 0.5 * (
        means.shape[1] * math.log(2 * math.pi) + variances.log().sum(1) + (means**2 * precisions).sum(1)
    )
    return constant + frames @ (means * precisions).T - 0.5 * (frames.square() @ precisions.T)


def kmeans(frames: Tensor, centres: Tensor) -> Tensor:
    """Lloyd's algorithm on frames (M, F) from centres (C, F); an empty cluster keeps its centre."""
    for _ in range(KMEANS_ITERATIONS):
        sums = torch.zeros_like(centres, dtype=torch.float64)
        counts = torch.zeros(len(centres), dtype=torch.float64, device=frames.device)
        for chunk in frames.split(CHUNK):
            nearest = (0.5 * centres.square().sum(1) - chunk @ centres.T).argmin(1)
            sums.index_add_(0, nearest, chunk.double())
            counts += torch.bincount(nearest, minlength=len(centres))
        moved = torch.where(
            counts[:, None] > 0, sums / counts[:, None].clamp_min(1), centres.double()
        ).float()
        if torch.allclose(moved, centres, atol=1e-4):
            return moved
        centres = moved
    return centres


def _valid_frames(batch: Batch) -> tuple[Tensor, Tensor]:
    """The frames of a batch within their clips, (M, F), and the row of the batch of each frame (M,)."""
    places = valid_frames(batch)
    return batch.inputs.transpose(1, 2).flatten(0, 1)[places], places // batch.inputs.shape[-1]
