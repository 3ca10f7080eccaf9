"""Learning rates at chosen points, against the formulas."""

import math

import pytest

from dada.experiment.config import ScheduleConfig
from dada.train.schedules import learning_rate

E = 10  # epochs


@pytest.mark.parametrize(
    ("settings", "epoch", "expected"),
    [
        ({"name": "constant"}, 7, 1e-3),
        ({"name": "linear", "final_lr": 1e-5}, 0, 1e-3),
        ({"name": "linear", "final_lr": 1e-4}, 5, 5.5e-4),
        ({"name": "cosine", "final_lr": 1e-5}, 0, 1e-3),
        ({"name": "cosine", "final_lr": 1e-5}, 5, (1e-3 + 1e-5) / 2),
        ({"name": "step", "step_size": 4, "gamma": 0.5}, 8, 2.5e-4),
        ({"name": "exponential", "gamma": 0.9}, 3, 1e-3 * 0.9**3),
        ({"name": "sigmoid", "final_lr": 1e-5}, 5, (1e-3 + 1e-5) / 2),
        (
            {"name": "sigmoid", "final_lr": 1e-5},
            2,
            1e-5 + (1e-3 - 1e-5) / (1 + math.exp(-13 * (E / 2 - 2) / E)),
        ),
    ],
)
def test_by_epoch(settings, epoch, expected):
    assert learning_rate(1e-3, ScheduleConfig(**settings), epoch, E, 3, 8, []) == pytest.approx(expected)


def test_by_step_counts_batches():
    config = ScheduleConfig("cosine", per="step")
    assert learning_rate(1.0, config, 2, 4, 5, 10, []) == pytest.approx((1 + math.cos(math.pi * 25 / 40)) / 2)


def test_plateau_drops_after_too_many_epochs_without_improvement():
    config = ScheduleConfig("plateau", gamma=0.5, patience=1)
    rates = [
        learning_rate(1.0, config, e, E, 0, 1, [-0.3, -0.2, -0.2, -0.25, -0.1, -0.1, -0.1][:e])
        for e in range(8)
    ]
    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]
