"""Results of stage explain as tables: where the support lies, whether the attributions can be trusted, how
classifiers differ.
"""

from typing import Any

from dada.data.datadir import readable
from dada.metrics.figure import Figure
from dada.report.tables import Cell, Table, figure_cell, percent, plain

OUTPUTS = {"bonafide": "bona fide", "spoof": "spoof"}


def explanation_tables(summaries: list[dict], comparisons: list[dict]) -> list[Table]:
    """All tables that have something to show."""
    tables = [
        speech_table(summaries),
        *(band_table(summary) for summary in summaries),
        faithfulness_table(summaries),
    ]
    return [table for table in [*tables, comparison_table(comparisons)] if table.rows]


def speech_table(summaries: list[dict]) -> Table:
    """The part of the support that lies in speech, beside the part of the time that is speech, by
    generator.
    """
    kinds = list(dict.fromkeys(kind for summary in summaries for kind in summary["classes"]))
    table = Table("Explanations: support in speech", "", ["system", *map(readable, kinds)])
    for summary in summaries:
        classes = summary["classes"]
        rows = {
            output: [classes.get(kind, {}).get(output, {}).get("speech_share") for kind in kinds]
            for output in OUTPUTS
        }
        for output, entries in rows.items():
            table.rows.append(
                [Cell(f"{summary['system']}, for {OUTPUTS[output]}"), *(_share(entry) for entry in entries)]
            )
        times = [classes.get(kind, {}).get("speech_time") for kind in kinds]
        table.rows.append([Cell(f"{summary['system']}, time in speech"), *(_share(entry) for entry in times)])
    if summaries:
        counts = sorted({values["num"] for summary in summaries for values in summary["classes"].values()})
        numbers = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        table.note = (
            "% of the positive attributions that lie in speech, for each of the two outputs, by "
            f"generator: {numbers} utterances of each, "
            f"training seed {summaries[0]['seed']}. Above the time in speech, a system looks at speech "
            "more than evenly; below, at pauses."
        )
    return table


def band_table(summary: dict) -> Table:
    """The part of the support in each sub-band, by generator."""
    table = Table(
        f"Explanations: sub-bands of {summary['system']}", "", ["generator and output", *summary["bands"]]
    )
    if not summary["bands"]:
        return table
    for kind, values in summary["classes"].items():
        for output, name in OUTPUTS.items():
            table.rows.append(
                [Cell(f"{readable(kind)}, for {name}"), *(_share(entry) for entry in values[output]["bands"])]
            )
    highest = max(summary["frequencies"])
    table.note = (
        f"% of the positive attributions in each band. The system hears up to {highest / 1000:.2g} kHz."
    )
    return table


def faithfulness_table(summaries: list[dict]) -> Table:
    """Completeness and faithfulness of every system's attributions."""
    headers = [
        "method",
        "completeness error %",
        "gain",
        "gain, random order",
        "gain - random",
        "shuffled weights",
        "other background",
    ]
    table = Table("Explanations: can they be trusted?", "", ["system", *headers])
    not_above = []
    for summary in summaries:
        values, error = summary["faithfulness"], summary["completeness_error"]
        cells = [
            Cell(summary["system"]),
            Cell(summary["method"].replace("_", " ")),
            Cell(f"{100 * error['median']:.2g}", error["median"]),
        ]
        keys = ("gain", "random_gain", "above_random", "shuffled", "stability")
        entries = [values[key] if values else None for key in keys]
        table.rows.append([*cells, *map(_number, entries)])
        if values and not _lower_end(values["above_random"]) > 0:
            not_above.append(summary["system"])
    checked = next((summary["faithfulness"]["num"] for summary in summaries if summary["faithfulness"]), 0)
    table.note = (
        "Completeness error: the median of |sum of attributions - (output - output of the background)| "
        "relative to that difference. Gain: "
        "mean insertion curve minus mean deletion curve of the logit of the utterance's own class, in "
        "units of the logit, with the largest "
        "attributions first; then in random order, and the paired difference. Shuffled weights: rank "
        "correlation with the attributions of "
        "a network with shuffled weights, 0 is good. Other background: rank correlation between those "
        "against two halves of the "
        f"background, 1 is good. {checked} utterances of each system."
    )
    if not_above:
        table.note += (
            f" Not above a random attribution: {', '.join(not_above)}; do not read the maps of these."
        )
    elif checked:
        table.note += " All systems' attributions are above random ones."
    return table


def comparison_table(comparisons: list[dict]) -> Table:
    """Pairs of classifiers over all classes."""
    headers = [
        "correlation in time",
        "in frequency",
        "speech %, first",
        "second",
        "difference",
        "noisiness, first",
        "noisiness, second",
        "noise of the map, first",
        "second",
        "difference",
    ]
    table = Table("Explanations: classifiers compared", "", ["pair and output", *headers])
    for compared in comparisons:
        for output, name in OUTPUTS.items():
            values = compared["classes"]["all"][output]
            table.rows.append(
                [
                    Cell(f"{' and '.join(compared['systems'])}, for {name}"),
                    *(_number(values.get(key)) for key in ("time_correlation", "frequency_correlation")),
                    *(_share(values[f"speech_share_{which}"]) for which in ("first", "second", "difference")),
                    *(_number(values[f"noisiness_{which}"]) for which in ("first", "second")),
                    *(
                        _number(values.get(f"map_noise_{which}"))
                        for which in ("first", "second", "difference")
                    ),
                ]
            )
    table.note = (
        "Profiles of the support over time and over frequency, correlated utterance by utterance; shares "
        "of it in speech; noisiness, the mean change of a temporal profile from frame to frame relative to "
        "its mean; and noise of the map, the mean change of the signed map between neighbours in time and "
        "frequency relative to its mean magnitude, 0 where it is even and 1.41 for independent Gaussian "
        "values. Systems with another number of frames a second, or of rows, have other values by that "
        "alone: compare systems on the same input."
    )
    return table


def _lower_end(entry: dict) -> float:
    """Of the interval; the mean where there are too few speakers for one."""
    return entry["mean"] if entry["low"] is None else entry["low"]


def _share(entry: dict[str, Any] | None) -> Cell:
    return figure_cell(_figure(entry), percent)


def _number(entry: dict[str, Any] | None) -> Cell:
    return figure_cell(_figure(entry), plain)


def _figure(entry: dict[str, Any] | None) -> Figure | None:
    """A figure of stage explain."""
    if entry is None:
        return None
    return Figure(
        mean=entry["mean"], spread=entry.get("spread"), low=entry.get("low"), high=entry.get("high")
    )
