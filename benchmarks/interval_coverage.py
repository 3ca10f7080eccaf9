"""How often nominal 95 % intervals hold the true value, in a simulation whose truth is known.

    OMP_NUM_THREADS=1 python benchmarks/interval_coverage.py
    OMP_NUM_THREADS=1 python benchmarks/interval_coverage.py --clusters 14 --percentile

Every repetition draws speakers, and trains two systems with some seeds. A score is the mean of its class and
what is of the speaker, of speaker and seed, and of the trial; two systems share most of the first and half
of the last. Seeds differ by the distance between the classes. The true value of a metric is its mean over the
seeds of systems that are measured on all speakers there could be.

For each number of speakers: the share of intervals that hold the true EER, minDCF, F1 and difference of two
EERs, in %, with its Monte Carlo error; and beside it the shares that lie wholly above and below the truth.
`--percentile` adds the bootstrap percentile intervals that take the seeds as given.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from scipy.stats import norm

from dada.metrics.bootstrap import Resampler
from dada.metrics.dcf import Costs
from dada.metrics.f1 import f1_at_eer
from dada.metrics.figure import figure
from dada.metrics.measures import MEASURES, Scored

NAMES = ("eer", "min_dcf", "f1_at_eer")
DIFFERENCE = "EER difference"
DISTANCES = (2.6, 2.8)  # of the class means of two systems
OF_SPEAKER, OF_INTERACTION, OF_TRIAL = 0.5, 0.15, 1.0  # standard deviations
SHARED = 0.8  # of what is of a speaker, between the systems: a correlation
COSTS = Costs()


def truths(args: argparse.Namespace) -> list[dict[str, float]]:
    """The true mean of each metric over seeds, for both systems."""
    deviation = np.sqrt(OF_SPEAKER**2 + OF_INTERACTION**2 + OF_TRIAL**2)
    quantiles = norm.ppf((np.arange(400) + 0.5) / 400)
    thresholds = np.linspace(-6, 10, 4001)[:, None]
    found = []
    for distance in DISTANCES:
        means = distance + args.seed_deviation * quantiles
        eers = norm.cdf(-means / (2 * deviation))
        p_miss = norm.cdf((thresholds - means) / deviation)
        costs = COSTS.of_misses * p_miss + COSTS.of_false_accepts * norm.sf(thresholds / deviation)
        f1 = f1_at_eer(eers, *args.trials)
        values = (eers, costs.min(axis=0), f1)
        found.append({name: float(np.mean(part)) for name, part in zip(NAMES, values, strict=True)})
    return found


def drawn(args: argparse.Namespace, num: int, rng: np.random.Generator) -> list[list[Scored]]:
    """Scores of both systems and all seeds on the trials of `num` speakers."""
    sizes = [num * trials for trials in args.trials]
    speakers = rng.normal(0, OF_SPEAKER, (2, num))
    trials = [rng.normal(0, OF_TRIAL * np.sqrt(0.5), size) for size in sizes]
    systems = []
    for distance in DISTANCES:
        own = SHARED * speakers + np.sqrt(1 - SHARED**2) * rng.normal(0, OF_SPEAKER, (2, num))
        seeds = []
        for mean in distance + rng.normal(0, args.seed_deviation, args.seeds):
            shifts = own + rng.normal(0, OF_INTERACTION, (2, num))
            parts = [
                np.repeat(shift, count) + trial + rng.normal(0, OF_TRIAL * np.sqrt(0.5), trial.size)
                for shift, count, trial in zip(shifts, args.trials, trials, strict=True)
            ]
            seeds.append(Scored(parts[0] + mean, parts[1], COSTS))
        systems.append(seeds)
    return systems


def intervals(
    systems: list[list[Scored]], resampler: Resampler, percentile: bool
) -> Iterator[tuple[str, float, float]]:
    """(metric, low, high) of the first system, and of the difference of both EERs."""
    trials = [[resampler.over(seed.bonafide, seed.spoof) for seed in seeds] for seeds in systems]

    def both(name: str, system: int) -> tuple[np.ndarray, np.ndarray]:
        measure, pairs = MEASURES[name], zip(trials[system], systems[system], strict=True)
        rows = np.stack([measure.resampled(part, seed) for part, seed in pairs])
        return np.array([measure.value(seed) for seed in systems[system]]), rows

    cases = {name: both(name, 0) for name in NAMES}
    pairs = zip(cases["eer"], both("eer", 1), strict=True)
    cases[DIFFERENCE] = tuple(first - second for first, second in pairs)
    for name, (values, rows) in cases.items():
        if percentile:
            low, high = np.quantile(rows.mean(axis=0), [0.025, 0.975])
            yield name, float(low), float(high)
        else:
            measure = MEASURES.get(name)
            bounds = (None, False) if measure is None else (measure.upper, measure.optimistic)
            found = figure(values, list(rows), resampler, 0.95, *bounds)
            missing = found.low is None or found.high is None
            yield (name, *((np.inf, -np.inf) if missing else (found.low, found.high)))


def coverage(args: argparse.Namespace, num: int, percentile: bool) -> Iterator[str]:
    """A line for each metric with `num` speakers."""
    first, second = truths(args)
    true = first | {DIFFERENCE: first["eer"] - second["eer"]}
    clusters = [np.repeat(np.arange(num), count).astype(str) for count in args.trials]
    counts = {name: np.zeros(3) for name in true}  # inside, wholly above the truth, wholly below
    for number in range(args.repetitions):
        rng = np.random.default_rng([num, number])
        resampler = Resampler(*clusters, num_resamples=args.resamples, seed=number, jackknife=not percentile)
        for name, low, high in intervals(drawn(args, num, rng), resampler, percentile):
            counts[name] += (low <= true[name] <= high, low > true[name], high < true[name])
    method = "percentile" if percentile else "ours"
    for name, count in counts.items():
        inside, above, below = 100 * count / args.repetitions
        error = np.sqrt(inside * (100 - inside) / args.repetitions)
        yield f"{num:8} {method:10} {name:14} {inside:6.1f} ±{error:.1f} {above:8.1f} {below:7.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clusters", type=int, nargs="+", default=[14, 30, 60], help="speakers")
    parser.add_argument("--seeds", type=int, default=3, help="of training, of each system")
    parser.add_argument("--seed_deviation", type=float, default=0.1, help="of the class distance over seeds")
    parser.add_argument("--trials", type=int, nargs=2, default=[20, 40], help="of a speaker, by class")
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=500, help="of the bootstrap")
    parser.add_argument("--percentile", action="store_true", help="also percentile intervals: slow")
    args = parser.parse_args()
    print("speakers method     metric          inside, %    above   below")
    for num in args.clusters:
        for percentile in (False, True) if args.percentile else (False,):
            for line in coverage(args, num, percentile):
                print(line, flush=True)


if __name__ == "__main__":
    main()
