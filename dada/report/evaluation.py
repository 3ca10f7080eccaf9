"""What `dada evaluate` found, as text to read."""

from dada.metrics.measures import MEASURES


def readable(found: dict) -> str:
    """A block of facts, then a line a metric, condition and difference."""
    lines = [
        f"scores      {found['scores']} ({found['layout']})",
        f"key         {found['key']} ({found['key_layout']})",
    ]
    if found["subset"]:
        lines.append(f"subset      {found['subset']}")
    left_out = f"; {found['num_left_out']:,} left out" if found["num_left_out"] else ""
    if "submission" in found:
        made = found["submission"]
        lines.append(
            f"submission  {made['path']} ({made['format']}, {made['num_trials']:,} trials, sha256 "
            f"{made['sha256']})"
        )
        lines += [f"            {path}: complete its nulls" for path in made.get("beside", [])]
    if "metrics" not in found:
        return "\n".join([*lines, f"trials      {found['num_trials']:,}, unlabelled{left_out}"])
    lines.append(
        f"trials      {found['num_trials']:,}: {found['num_bonafide']:,} bona fide, {found['num_spoof']:,} "
        f"spoofs{left_out}"
    )
    if found["asv"]:
        lines.append(f"ASV         {found['asv']}")
    if found["num_resamples"]:
        of = (
            f"{found['num_speakers']:,} speakers"
            if found["num_speakers"]
            else "the trials, since the key names no speakers"
        )
        of = "the attacks" if found["cluster"] == "attack" else of
        lines.append(
            f"intervals   {100 * found['confidence']:g} % from {found['num_resamples']:,} resamples of {of}"
        )
    lines += ["", *_metrics(found)]
    for condition, values in found.get("conditions", {}).items():
        names = ["eer", *next(iter(values.values())).get("metrics", {})]
        lines += [
            line
            for name in names
            for line in ("", *_by_condition(condition, values, name, found["num_resamples"] > 0))
        ]
    if "compare" in found:
        lines += ["", f"difference: {found['scores']} minus {found['compare']['scores']}, on the same trials"]
        for name, entry in found["compare"]["difference"].items():
            percent = MEASURES[name].percent
            first, second, value = (_number(entry[part], percent) for part in ("first", "second", "value"))
            lines.append(
                f"{name:14} {first:>12} - {second:>12} = {value:>12}{_ends(entry, percent)}{_verdict(entry)}"
            )
    return "\n".join(lines)


def _by_condition(condition: str, values: dict, name: str, with_intervals: bool) -> list[str]:
    """A metric for every value of a condition, and which trials of the ASV a tandem metric assumes."""
    one = MEASURES[name]
    lines = [
        f"{'EER' if name == 'eer' else name} by {condition}, spoofs of one value against all bona fide speech"
    ]
    lines[0] += (
        "; within: against that of the same value"
        if any(entry["within"] for entry in values.values())
        else ""
    )
    for value, entry in values.items():
        found = entry["eer"] if name == "eer" else entry["metrics"][name]
        within = entry["within"] if name == "eer" else entry.get("metrics_within", {}).get(name)
        interval = found if found and with_intervals else {"low": None}
        line = (
            f"{value:{max(map(len, values))}}  "
            f"{_number(found['mean'], one.percent) if found else 'not defined':>12}"
        )
        line += f"{_ends(interval, one.percent)}   {entry['num_spoof']:,} spoofs"
        line += f", ASV: {entry['asv']}" if one.tandem else ""
        if within:
            line += f"   within {_number(within['mean'], one.percent)}" + (
                f", ASV: {entry['asv_within']}" if one.tandem else ""
            )
        lines.append(line)
    return lines


def _metrics(found: dict) -> list[str]:
    lines, absent = [], []
    for name, entry in found["metrics"].items():
        percent = MEASURES[name].percent
        if entry["value"] is None:
            absent.append(f"{name} ({entry['why']})")
        else:
            lines.append(
                f"{name:14} {_number(entry['value'], percent):>12}{_ends(entry, percent):24} "
                f"{found['definitions'][name]}"
            )
    return lines + ([f"not measured: {'; '.join(absent)}"] if absent else [])


def _number(value: float, percent: bool) -> str:
    return f"{100 * value:.4f} %" if percent else f"{value:.6f}"


def _ends(entry: dict, percent: bool) -> str:
    if entry["low"] is None:
        return ""
    low, high = (f"{100 * entry[end]:.2f}" if percent else f"{entry[end]:.4f}" for end in ("low", "high"))
    return f" [{low}, {high}]"


def _verdict(entry: dict) -> str:
    if entry["low"] is None:
        return ""
    return "" if entry["low"] <= 0 <= entry["high"] else "  differs from 0"
