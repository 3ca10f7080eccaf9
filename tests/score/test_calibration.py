"""Logistic calibration: it gives log-likelihood ratios, whatever came in."""

import numpy as np
import pytest

from dada.errors import DataError
from dada.metrics.calibration import cllr
from dada.score.calibration import Platt, fit_fusion, fit_platt


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


def two_systems(num=6000, correlation=0.0, seed=0):
    """Scores (2 num, 2) of two Gaussian systems with shared covariance, whose true log-likelihood ratio is
    linear.
    """
    rng = np.random.default_rng(seed)
    covariance = np.array([[1.0, correlation], [correlation, 1.0]])
    mean = np.array([1.0, 0.5])
    noise = rng.multivariate_normal([0, 0], covariance, 2 * num)
    bonafide = np.arange(2 * num) < num
    return noise + np.where(bonafide[:, None], mean, -mean), bonafide, 2 * np.linalg.solve(covariance, mean)


@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_fusion_finds_the_log_likelihood_ratio_on_any_scale(correlation):
    scores, bonafide, expected = two_systems(correlation=correlation)
    scale, shift = np.array([50.0, 0.01]), np.array([-7.0, 3.0])
    for prior in (0.5, None, 0.1):
        fusion = fit_fusion(scores * scale + shift, bonafide, prior)
        np.testing.assert_allclose(np.array(fusion.weights) * scale, expected, atol=0.12)
        assert fusion(shift[None])[0] == pytest.approx(0, abs=0.12)
    alone = cllr(2 * scores[bonafide, 0], 2 * scores[~bonafide, 0])
    fused = fusion(scores * scale + shift)
    assert cllr(fused[bonafide], fused[~bonafide]) < alone


def test_fusion_does_not_see_the_share_of_the_classes():
    scores, bonafide, expected = two_systems()
    rare = np.flatnonzero(bonafide)[:600]
    kept = np.concatenate([rare, np.flatnonzero(~bonafide)])
    for prior in (0.5, None, 0.9):
        fusion = fit_fusion(scores[kept], bonafide[kept], prior)
        np.testing.assert_allclose(fusion.weights, expected, atol=0.3)
        assert fusion.offset == pytest.approx(0, abs=0.25)


def test_a_constant_system_a_twin_and_another_order_of_trials_change_nothing():
    scores, bonafide, _ = two_systems(500)
    plain = fit_fusion(scores, bonafide)
    with_constant = fit_fusion(np.column_stack([scores, np.full(len(scores), 0.1)]), bonafide)
    assert with_constant.weights[2] == 0 and np.allclose(with_constant.weights[:2], plain.weights, atol=1e-5)
    twins = fit_fusion(scores[:, [0, 0, 1]], bonafide)
    assert twins.weights[0] == pytest.approx(twins.weights[1])
    np.testing.assert_allclose(twins(scores[:, [0, 0, 1]]), plain(scores), atol=1e-3)
    order = np.random.default_rng(1).permutation(len(scores))
    np.testing.assert_allclose(fit_fusion(scores[order], bonafide[order]).weights, plain.weights, atol=1e-5)


def test_a_system_is_turned_round_only_where_that_is_allowed():
    scores, bonafide, _ = two_systems(500)
    turned = scores * [1, -1]
    assert fit_fusion(turned, bonafide).weights[1] == 0
    assert fit_fusion(turned, bonafide, nonnegative=False).weights[1] < 0
    with pytest.raises(DataError, match="prior of bona fide is 1"):
        fit_fusion(scores, bonafide, prior=1)
