"""EER with min t-DCF, and 1,000 resamples by speaker of EER and t-EER, at the size of ASVspoof 2021 DF,
beside straightforward routines.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py

Straightforward means: a stable sort of all trials for each of the two metrics, walking trial by trial as the
challenges' packages do; and for every resample, gathering its trials and measuring anew. Results are
compared, and must be equal.
"""

import argparse

import numpy as np
from timing import HEAD, medians, row

from dada import metrics
from dada.metrics.bootstrap import Resampler
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.metrics.sasv import NUM_ASV_POINTS, resampled_t_eer
from dada.metrics.tdcf import factors, min_tdcf_of

# The least ratio of each piece of work, reference to ours.
CLAIMS = {
    "EER + min t-DCF, 611,000 trials": 4.5,
    "EER, beside np.sort of its scores": 0.67,
    "1,000 resamples of 48 speakers": 300,
    "t-EER of 1,000 resamples": 25,
}
NUM_BONAFIDE, NUM_SPOOF, NUM_SPEAKERS = 22_617, 588_383, 48
RATES = metrics.ASVSPOOF5_RATES


def plain_curve(bonafide, spoof):
    """Rates after every trial, bona fide first among equal scores."""
    scores = np.concatenate([bonafide, spoof])
    labels = np.concatenate([np.ones(bonafide.size), np.zeros(spoof.size)])
    labels = labels[np.argsort(scores, kind="mergesort")]
    num_misses = np.cumsum(labels)
    num_accepted = spoof.size - (np.arange(1, labels.size + 1) - num_misses)
    return np.concatenate([[0], num_misses / bonafide.size]), np.concatenate([[1], num_accepted / spoof.size])


def plain_eer(bonafide, spoof):
    p_miss, p_fa = plain_curve(bonafide, spoof)
    point = np.argmin(np.abs(p_miss - p_fa))
    return (p_miss[point] + p_fa[point]) / 2


def plain_both(bonafide, spoof):
    value = plain_eer(bonafide, spoof)
    p_miss, p_fa = plain_curve(bonafide, spoof)
    c0, c1, c2 = factors(RATES, "legacy")
    return value, np.min(c0 + c1 * p_miss + c2 * p_fa)


def ours_both(bonafide, spoof):
    curve = det(bonafide, spoof)
    return eer_of(curve)[0], min_tdcf_of(curve, RATES)


def resample_and_score(resampler, bonafide, spoof, num, measure):
    """The first `num` resamples, the trials of each gathered and measured anew."""
    weights = next(resampler.chunks())[:num].astype(int)
    return [
        measure(np.repeat(bonafide, w[resampler.bonafide]), np.repeat(spoof, w[resampler.spoof]))
        for w in weights
    ]


def plain_t_eers(resampler, bonafide, spoof, asv, num):
    return resample_and_score(resampler, bonafide, spoof, num, lambda *pair: metrics.t_eer(*pair, *asv))


def compare_t_eer(
    args: argparse.Namespace,
    rng: np.random.Generator,
    resampler: Resampler,
    bonafide: np.ndarray,
    spoof: np.ndarray,
) -> None:
    """Print the row of the t-EER of all resamples."""
    # At most as many as the t-EER tries, so that both routines try the same thresholds.
    asv = [rng.normal(mean, 1, NUM_ASV_POINTS // 3) for mean in (3, 0, 1)]
    trials = resampler.over(bonafide, spoof)
    (ours,) = medians([lambda: resampled_t_eer(trials, *asv)], 3)
    (plain,) = medians(
        [lambda: plain_t_eers(resampler, bonafide, spoof, asv, args.plain_resamples)], 1, warm_up=False
    )
    expected = plain_t_eers(resampler, bonafide, spoof, asv, args.plain_resamples)
    difference = np.abs(resampled_t_eer(trials, *asv)[: args.plain_resamples] - expected).max()
    notes = f"reference from {args.plain_resamples} of them; differ by {difference:.1e}"
    row(f"t-EER of {args.resamples:,} resamples", plain * args.resamples / args.plain_resamples, ours, notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--repetitions", type=int, default=15, help="of the metrics of all trials")
    parser.add_argument(
        "--plain_resamples",
        type=int,
        default=20,
        help="resamples that are really measured anew; the rest is extrapolated",
    )
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    bonafide, spoof = rng.normal(2, 1, NUM_BONAFIDE), rng.normal(0, 1, NUM_SPOOF)
    speakers = [rng.integers(NUM_SPEAKERS, size=size).astype(str) for size in (NUM_BONAFIDE, NUM_SPOOF)]

    print(HEAD)
    plain, ours = medians(
        [lambda: plain_both(bonafide, spoof), lambda: ours_both(bonafide, spoof)], args.repetitions
    )
    difference = max(
        abs(a - b) for a, b in zip(plain_both(bonafide, spoof), ours_both(bonafide, spoof), strict=True)
    )
    row(f"EER + min t-DCF, {NUM_BONAFIDE + NUM_SPOOF:,} trials", plain, ours, f"differ by {difference:.1e}")
    scores = np.concatenate([bonafide, spoof])
    sorting, ours = medians([lambda: np.sort(scores), lambda: metrics.eer(bonafide, spoof)], args.repetitions)
    row("EER, beside np.sort of its scores", sorting, ours)

    def bootstrap():
        resampler = Resampler(*speakers, num_resamples=args.resamples)
        return resampler, resampler.over(bonafide, spoof).eer()

    def alone():
        resampler = Resampler(["-"] * NUM_BONAFIDE, ["-"] * NUM_SPOOF, num_resamples=args.resamples)
        return resampler.over(bonafide, spoof).eer()

    (ours,) = medians([alone], 3)
    interval = ", ".join(f"{100 * end:.3f}" for end in np.quantile(alone(), [0.025, 0.975]))
    value = f"{100 * metrics.eer(bonafide, spoof)[0]:.3f}"
    print(
        f"{args.resamples:,} resamples of trials without speakers: ours {ours:.0f} ms, EER {value} %, "
        f"[{interval}]"
    )
    (ours,) = medians([bootstrap], 3)
    resampler, values = bootstrap()
    (plain,) = medians(
        [lambda: resample_and_score(resampler, bonafide, spoof, args.plain_resamples, plain_eer)],
        1,
        warm_up=False,
    )
    # The plain routine splits the ties of repeated trials, by up to one trial; the exact comparison is with
    # our own rule.
    expected = resample_and_score(
        resampler, bonafide, spoof, args.plain_resamples, lambda *pair: metrics.eer(*pair)[0]
    )
    difference = np.abs(values[: args.plain_resamples] - expected).max()
    notes = f"reference from {args.plain_resamples} of them; differ by {difference:.1e}"
    row(
        f"{args.resamples:,} resamples of {NUM_SPEAKERS} speakers",
        plain * args.resamples / args.plain_resamples,
        ours,
        notes,
    )

    compare_t_eer(args, rng, resampler, bonafide, spoof)


if __name__ == "__main__":
    main()
