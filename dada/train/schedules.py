"""Learning rates as functions of the position in a phase, without a state to save.

`t` of `total` epochs or steps are completed. `history` holds the dev metrics of all completed epochs, signed
so that higher is better.
"""

import math
from collections.abc import Sequence

from dada.experiment.config import ScheduleConfig


def constant(lr: float, config: ScheduleConfig, t: int, total: int, history: Sequence[float]) -> float:
    """lr."""
    return lr


def linear(lr: float, config: ScheduleConfig, t: int, total: int, history: Sequence[float]) -> float:
    """From lr to final_lr along a straight line."""
    return lr + (config.final_lr - lr) * t / total


def cosine(lr: float, config: ScheduleConfig, t: int, total: int, history: Sequence[float]) -> float:
    """From lr to final_lr along half a cosine."""
    return config.final_lr + (lr - config.final_lr) * (1 + math.cos(math.pi * t / total)) / 2


def step(lr: float, config: ScheduleConfig, t: int, total: int, history: Sequence[float]) -> float:
    """Times gamma after every step_size."""
    return lr * config.gamma ** (t // config.step_size)


def exponential(lr: float, config: ScheduleConfig, t: int, total: int, history: Sequence[float]) -> float:
    """Times gamma each time."""
    return lr * config.gamma**t


def sigmoid(lr: float, config: ScheduleConfig, t: int, total: int, history: Sequence[float]) -> float:
    """From lr to final_lr along σ(13 (E/2 - e) / E): flat, a fall in the middle, flat."""
    return config.final_lr + (lr - config.final_lr) / (1 + math.exp(-13 * (total / 2 - t) / total))


def plateau(lr: float, config: ScheduleConfig, t: int, total: int, history: Sequence[float]) -> float:
    """Times gamma whenever the dev metric has not improved for more than `patience` epochs."""
    best, bad = -math.inf, 0
    for value in history:
        bad = 0 if value > best else bad + 1
        best = max(best, value)
        if bad > config.patience:
            lr, bad = lr * config.gamma, 0
    return max(lr, config.final_lr)


SCHEDULES = {f.__name__: f for f in (constant, linear, cosine, step, exponential, sigmoid, plateau)}


def learning_rate(
    lr: float,
    config: ScheduleConfig,
    epoch: int,
    num_epochs: int,
    batch: int,
    num_batches: int,
    history: Sequence[float],
) -> float:
    """Return the learning rate for batch `batch` of epoch `epoch`, both from 0, of a phase."""
    t, total = (
        (epoch, num_epochs)
        if config.per == "epoch"
        else (epoch * num_batches + batch, num_epochs * num_batches)
    )
    return SCHEDULES[config.name](lr, config, t, total, history)
