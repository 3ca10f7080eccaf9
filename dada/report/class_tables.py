"""Tables of systems that name attacks."""

from dada.data.datadir import readable
from dada.evaluate.results import ClassResults, Sweep
from dada.metrics.recognition import DEFINITIONS
from dada.report.load import Section
from dada.report.tables import Cell, Column, Table, figure_table, percent

HEADERS = {
    "closed_accuracy": "accuracy, known",
    "closed_macro_f1": "macro-F1, known",
    "accuracy": "accuracy, all",
    "macro_f1": "macro-F1, all",
    "unknown_auc": "AUC, unknown",
    "unknown_eer": "EER, unknown",
    "unknown_fpr95": "FPR95, unknown",
}


def class_tables(section: Section) -> list[Table]:
    """The metrics of systems that name attacks, the confusion matrices of open-set systems, and sweeps."""
    by_system = classifiers(section)
    if not by_system:
        return []
    counts = next(iter(by_system.values()))
    unknown = ", ".join(map(readable, counts.unknown_attacks))
    note = (
        "In %. "
        + "; ".join(f"{header}: {DEFINITIONS[name]}" for name, header in HEADERS.items())
        + f". {counts.num_known:,} trials are of known classes, {counts.num_unknown:,} are not"
        + (f" ({unknown})." if unknown else ".")
    )
    columns = [
        Column(header, lambda entry, name=name: getattr(entry, name), percent)
        for name, header in HEADERS.items()
    ]
    return [
        figure_table("Attack recognition", note, by_system, columns),
        *(confusion_table(name, entry) for name, entry in open_sets(section).items()),
        *(sweep_table(name, entry.sweep) for name, entry in by_system.items() if entry.sweep),
    ]


def classifiers(section: Section) -> dict[str, ClassResults]:
    """System -> its recognition of attacks, of those that have any."""
    return {name: results.classes for name, results in section.results.items() if results.classes}


def open_sets(section: Section) -> dict[str, ClassResults]:
    """Those of `classifiers` that decide for unknown at times."""
    by_system = classifiers(section)
    return {name: entry for name, entry in by_system.items() if any(row[-1] for row in entry.confusion)}


def sweep_table(system: str, swept: Sweep) -> Table:
    """OpenMax with every tail (rows) and threshold (columns)."""
    thresholds = list(dict.fromkeys(row.threshold for row in swept.rows))
    table = Table(
        f"Tail and threshold of {system}", "", ["tail", *(f"threshold {value:g}" for value in thresholds)]
    )
    chosen = ", ".join(f"{choice.tail} and {choice.threshold:g}" for choice in swept.chosen)
    table.note = (
        "Macro-F1 in %, each known class held out in turn as if it were unknown, and in brackets the "
        "accuracy over the known classes with "
        f"none held out; means over the training seeds. Each seed takes what is best on dev: {chosen}."
    )
    table.heat, table.full_heat = True, 1.0
    for tail in dict.fromkeys(row.tail for row in swept.rows):
        rows = {row.threshold: row for row in swept.rows if row.tail == tail}
        means = [
            (rows[value].held_out_macro_f1.mean, rows[value].known_accuracy.mean) for value in thresholds
        ]
        table.rows.append(
            [Cell(str(tail), tail), *(Cell(f"{100 * f1:.1f} ({100 * known:.1f})", f1) for f1, known in means)]
        )
    return table


def confusion_table(system: str, entry: ClassResults) -> Table:
    """Decisions of a system, in % of the trials of each true class."""
    table = Table(
        f"Confusion matrix of {system}",
        "",
        ["true class", *map(readable, entry.labels), "trials"],
        drawn=True,
    )
    table.note = (
        "Rows are true classes, columns decisions: % of the trials of the row, over all training seeds."
    )
    table.heat, table.full_heat = True, 1.0
    for label, row in zip(entry.labels, entry.confusion, strict=True):
        total = sum(row)
        if total:
            shares = [Cell(f"{100 * count / total:.0f}", count / total) for count in row]
            table.rows.append([Cell(readable(label)), *shares, Cell(f"{total:,}")])
    return table
