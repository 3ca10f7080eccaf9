"""The results of `dada evaluate` as text to read."""

from dada.evaluate.results import ConditionResults, Difference, FileResults
from dada.metrics.figure import Figure
from dada.metrics.measures import MEASURES
from dada.report.score_tables import differences_hold


def readable_results(results: FileResults) -> str:
    """A block of facts, then a line a metric, condition and difference."""
    lines = [
        f"scores      {results.scores} ({results.layout})",
        f"key         {results.key} ({results.key_layout})",
    ]
    if results.subset:
        lines.append(f"subset      {results.subset}")
    left_out = f"; {results.num_left_out:,} left out" if results.num_left_out else ""
    if made := results.submission:
        lines.append(
            f"submission  {made.path} ({made.format}, {made.num_trials:,} trials, sha256 {made.sha256})"
        )
        lines += [f"            {path}: complete its nulls" for path in made.beside]
    if results.metrics is None:
        return "\n".join([*lines, f"trials      {results.num_trials:,}, unlabelled{left_out}"])
    lines.append(
        f"trials      {results.num_trials:,}: {results.num_bonafide:,} bona fide, {results.num_spoof:,} "
        f"spoofs{left_out}"
    )
    if results.threshold is not None:
        lines.append(f"threshold   {results.threshold:g} ({results.threshold_source})")
    if results.asv:
        lines.append(f"ASV         {results.asv}")
    if results.num_resamples:
        lines.append(f"intervals   {100 * results.confidence:g} % over {_resampled(results)}")
    lines += ["", *_metrics(results)]
    for condition, values in results.conditions.items():
        for name in next(iter(values.values())).metrics:
            lines += ["", *_by_condition(condition, values, name)]
    if results.compare:
        lines += ["", f"difference: {results.scores} minus {results.other_scores}, on the same trials"]
        lines += _differences(results.compare.metrics or {}, results.confidence)
    return "\n".join(lines)


def _resampled(results: FileResults) -> str:
    if results.cluster == "attack":
        return "the attacks"
    if results.num_speakers:
        return f"{results.num_speakers:,} speakers"
    return "the trials, since the key names no speakers"


def _by_condition(condition: str, values: dict[str, ConditionResults], name: str) -> list[str]:
    """A metric for every value of a condition, and the trials of the ASV that a tandem metric assumes."""
    measure, title = MEASURES[name], "EER" if name == "eer" else name
    head = f"{title} by {condition}, spoofs of one value against all bona fide speech"
    if any(entry.within and entry.within.get(name) for entry in values.values()):
        head += "; within: against that of the same value"
    lines, width = [head], max(map(len, values))
    for value, entry in values.items():
        figure, within = entry.metrics.get(name), (entry.within or {}).get(name)
        mean = _number(figure.mean, measure.percent) if figure else "not defined"
        line = f"{value:{width}}  {mean:>12}{_ends(figure, measure.percent)}   {entry.num_spoof:,} spoofs"
        line += f", ASV: {entry.asv}" if measure.tandem else ""
        if within:
            line += f"   within {_number(within.mean, measure.percent)}"
            line += f", ASV: {entry.asv_within}" if measure.tandem else ""
        lines.append(line)
    return lines


def _metrics(results: FileResults) -> list[str]:
    lines, width = [], max(map(len, results.metrics or {}))
    for name, figure in (results.metrics or {}).items():
        if figure is not None:
            percent = MEASURES[name].percent
            lines.append(
                f"{name:{width}} {_number(figure.mean, percent):>12}{_ends(figure, percent):24} "
                f"{results.definitions[name]}"
            )
    absent = "; ".join(f"{name} ({why})" for name, why in results.missing.items())
    return lines + ([f"not measured: {absent}"] if absent else [])


def _differences(entries: dict[str, Difference], confidence: float) -> list[str]:
    """A line a metric; what differs from 0 does so after the correction over all of them."""
    holds = differences_hold(list(entries.values()), confidence)
    lines = []
    for (name, entry), is_different in zip(entries.items(), holds, strict=True):
        percent = MEASURES[name].percent
        first, second, value = (_number(part, percent) for part in (entry.first, entry.second, entry.mean))
        verdict = f"  p {entry.p_value:.2g}" if entry.p_value is not None else ""
        verdict += ", differs from 0" if is_different else ""
        lines.append(f"{name:18} {first:>12} - {second:>12} = {value:>12}{_ends(entry, percent)}{verdict}")
    return [*lines, "differs from 0: after Holm's correction over the metrics above"] if any(holds) else lines


def _number(value: float, percent: bool) -> str:
    return f"{100 * value:.4f} %" if percent else f"{value:.6f}"


def _ends(figure: Figure | None, percent: bool) -> str:
    if figure is None or figure.low is None or figure.high is None:
        return f" (no interval: {figure.no_interval})" if figure and figure.no_interval else ""
    low, high = (f"{100 * end:.2f}" if percent else f"{end:.4f}" for end in (figure.low, figure.high))
    return f" [{low}, {high}]"
