"""Logistic calibration: it gives log-likelihood ratios, whatever came in."""

import numpy as np
import pytest

from dada.errors import DataError
from dada.metrics.calibration import cllr
from dada.score.calibration import Platt, fit_platt


def gaussian_scores(num_bona=4000, num_spoof=4000, seed=0):
    rng = np.random.default_rng(seed)
    scores = np.concatenate([rng.normal(1, 1, num_bona), rng.normal(-1, 1, num_spoof)])
    return scores, np.arange(len(scores)) < num_bona


def test_log_likelihood_ratios_come_back_from_a_wrong_scale_and_offset():
    scores, bonafide = gaussian_scores()  # the true log-likelihood ratio of N(1,1) against N(-1,1) is 2x
    platt = fit_platt(40 * scores - 300, bonafide)
    assert platt.slope * 40 == pytest.approx(2, rel=0.08)
    assert platt(np.array([-300.0]))[0] == pytest.approx(0, abs=0.08)
    calibrated = platt(40 * scores - 300)
    assert cllr(calibrated[bonafide], calibrated[~bonafide]) < cllr(scores[bonafide], scores[~bonafide])


def test_shares_of_the_classes_and_the_prior_do_not_matter():
    scores, bonafide = gaussian_scores(6000, 300)
    fitted = [fit_platt(scores, bonafide, prior) for prior in (0.5, None, 0.2)]
    for platt in fitted:
        assert platt.slope == pytest.approx(2, rel=0.2) and platt.offset == pytest.approx(0, abs=0.35)


def test_separable_constant_and_reversed_scores_stay_finite(caplog):
    bonafide = np.array([True, True, False, False])
    separable = fit_platt(np.array([5.0, 6.0, -5.0, -6.0]), bonafide)
    assert 0 < separable.slope < 10 and np.isfinite(separable.offset)
    huge = fit_platt(np.array([1e6, 2e6, -1e6, -2e6]), bonafide)
    assert np.isfinite(huge(np.array([1e6]))).all()
    for useless in (np.ones(4), np.array([-5.0, -6.0, 5.0, 6.0])):
        caplog.clear()
        assert fit_platt(useless, bonafide) == Platt(0.0, pytest.approx(0, abs=1e-6))
        assert "no weight" in caplog.text


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="2 and 0"):
        fit_platt(np.ones(2), np.array([True, True]))
    with pytest.raises(DataError, match="1 of 2 scores"):
        fit_platt(np.array([1.0, np.nan]), np.array([True, False]))
