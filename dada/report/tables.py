"""Results as tables of text, for Markdown, HTML and the terminal alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dada.report.load import Section

ABSENT = "–"


@dataclass
class Cell:
    """What is printed, the number to sort and colour by, and whether it is the best of its column."""

    text: str
    value: float | None = None
    best: bool = False


@dataclass
class Table:
    """`rows` hold the system's name first. `heat` says that cells may be coloured by their value, an EER."""

    title: str
    note: str
    headers: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    heat: bool = False
    full_heat: float = 0.5  # value at and above which a cell has the full colour: of an EER, chance


def percent(entry: dict | None) -> str:
    """A share in percent: `12.3 [9.8, 15.1] ±0.4` is the mean over seeds, its 95 % interval, and the seeds' standard deviation."""
    return _measured(entry, lambda value: f"{100 * value:.1f}")


def plain(entry: dict | None) -> str:
    """As `percent`, of a quantity with three decimals."""
    return _measured(entry, lambda value: f"{value:.3f}")


def mean_percent(entry: dict | None) -> str:
    """The mean alone, in percent."""
    return ABSENT if entry is None else f"{100 * entry['mean']:.1f}"


def tables_of(section: Section) -> list[Table]:
    """All tables of a split that have something to show."""
    tables = [eer_table(section), weighted_table(section), *(condition_table(section, name) for name in section.own_tables), within_table(section)]
    tables += [metric_table(section), difference_table(section), *class_tables(section), author_table(section), abx_table(section)]
    return [table for table in tables if table.rows]


def eer_table(section: Section, show: Callable[[dict | None], str] = percent) -> Table:
    """EER over all spoofs, and over those of every value of the conditions with few values."""
    columns = [("all", lambda result: result["metrics"]["eer"])]
    for condition in section.columns:
        for value in section.values(condition):
            columns.append((readable(value), _eer_of(condition, value)))
    note = "EER in % of the spoofs named by the column against all bona fide speech."
    if section.columns:
        note += " Columns by " + ", ".join(f"`{name}` ({', '.join(map(readable, section.values(name)))})" for name in section.columns) + "."
    table = _table("Equal error rate", note, section, columns, show, lowest_is_best=True)
    if len({len(result["seeds"]) for result in section.scored.values()}) > 1:  # some systems are trained less often than others
        table.headers.append("seeds")
        for row in table.rows:
            row.append(Cell(str(len(section.scored[row[0].text]["seeds"]))))
    return table


def weighted_table(section: Section) -> Table:
    """The mean EER over several test sets."""
    found = {name: entry for name, entry in section.weighted.items() if entry["metrics"]["weighted_eer"]}
    table = Table("Weighted equal error rate", "", ["system", "WEER"])
    if found:
        weights = next(iter(found.values()))["weights"]
        table.note = f"Mean EER in %: {', '.join(f'{readable(split)} {weight:g}' for split, weight in weights.items())}."
        values = {name: entry["metrics"]["weighted_eer"] for name, entry in found.items()}
        best = min(value["mean"] for value in values.values())
        table.rows = [[Cell(name), Cell(percent(value), value["mean"], value["mean"] == best)] for name, value in values.items()]
    return table


def condition_table(section: Section, condition: str) -> Table:
    """EER for every value of a condition with many values."""
    columns = [(readable(value), _eer_of(condition, value)) for value in section.values(condition)]
    sizes = next(iter(section.scored.values()))["conditions"].get(condition, {})
    note = f"Mean EER in % of the spoofs of one `{condition}` against all bona fide speech. Spoofs: "
    note += ", ".join(f"{readable(value)} {entry['num_spoof']}" for value, entry in sizes.items()) + "."
    table = _table(f"Equal error rate by {condition}", note, section, columns, mean_percent, lowest_is_best=True)
    table.heat = True
    return table


def within_table(section: Section) -> Table:
    """EER between the two classes where both have the same value of a condition."""
    columns = []
    for condition in [*section.columns, *section.own_tables]:
        for value in section.values(condition):
            if any(_within(result, condition, value) for result in section.scored.values()):
                columns.append((f"{condition} {readable(value)}", lambda result, c=condition, v=value: _within(result, c, v)))
    note = "EER in % between bona fide speech and spoofs that share the value."
    return _table("Equal error rate within a condition", note, section, columns, percent, lowest_is_best=True)


def metric_table(section: Section) -> Table:
    """The other metrics over all trials."""
    names = [("AUC", "auc"), ("F1", "f1_at_eer"), ("minDCF", "min_dcf"), ("actDCF", "act_dcf"), ("Cllr", "cllr")]
    first = next(iter(section.scored.values()), None)
    if first is not None and "asv" in first:
        names += [("min t-DCF 2019", "min_tdcf_2019"), ("min t-DCF 2021", "min_tdcf_2021")]
    columns = [(title, lambda result, name=name: result["metrics"].get(name)) for title, name in names]
    note = ""
    if first is not None:
        config, definitions = first["provenance"]["evaluate"], first["provenance"]["definitions"]
        note = "; ".join(f"{title}: {definitions[name].removeprefix('F1: ')}" for title, name in names)
        note += f". ASV: {Path(first['asv']).name}" if "asv" in first else ""
        note += f". Costs: miss {config['cost_miss']:g}, false acceptance {config['cost_fa']:g}, spoofs {100 * config['p_spoof']:g} %."
    return _table("Other metrics", note, section, columns, plain)


def difference_table(section: Section) -> Table:
    """Paired differences of two systems: of the EER over all spoofs and by condition, and of the other metrics."""
    table = Table("Paired differences", "", ["first minus second", "EER all"])
    columns: list[tuple[str, str]] = [(name, value) for name in section.columns for value in section.values(name)]
    table.headers += [readable(value) for _, value in columns] + ["minDCF", "AUC"]
    table.note = (
        "The first system's metric minus the second's, on the same trials and the same resampled speakers, so that what both find hard "
        "cancels. EER in percentage points: below 0 the first is better. Bold: the interval leaves out 0."
    )
    for found in section.differences:
        if found["metrics"] is None:
            continue
        eers = [found["metrics"]["eer"], *(found["conditions"].get(name, {}).get(value) for name, value in columns)]
        others = [found["metrics"]["min_dcf"], found["metrics"]["auc"]]
        cells = [_difference_cell(entry, lambda value: f"{100 * value:+.1f}") for entry in eers]
        cells += [_difference_cell(entry, lambda value: f"{value:+.3f}") for entry in others]
        table.rows.append([Cell(" minus ".join(found["systems"])), *cells])
    return table


def class_tables(section: Section) -> list[Table]:
    """How well systems that name attacks do, and the confusion matrix of each of them that can say unknown."""
    found = {name: result["classes"] for name, result in section.results.items() if result.get("classes")}
    if not found:
        return []
    names = ["closed_accuracy", "closed_macro_f1", "accuracy", "macro_f1", "unknown_auc"]
    definitions = next(iter(section.results.values()))["provenance"]["definitions"]
    headers = ["accuracy, known", "macro-F1, known", "accuracy, all", "macro-F1, all", "AUC, unknown"]
    table = Table("Attack recognition", "", ["system", *headers])
    table.note = "In %. " + "; ".join(f"{header}: {definitions[name]}" for header, name in zip(headers, names, strict=True)) + "."
    counts = next(iter(found.values()))
    table.note += f" {counts['num_known']:,} trials are of known classes, {counts['num_unknown']:,} are not"
    table.note += f" ({', '.join(map(readable, counts['unknown_attacks']))})." if counts["unknown_attacks"] else "."
    for name, entry in found.items():
        table.rows.append([Cell(name), *(Cell(percent(entry[key]), entry[key]["mean"] if entry[key] else None) for key in names)])
    says_unknown = {name: entry for name, entry in found.items() if any(row[-1] for row in entry["confusion"])}
    return [table, *(confusion_table(name, entry) for name, entry in says_unknown.items())]


def confusion_table(system: str, entry: dict) -> Table:
    """Decisions of a system, in % of the trials of each true class."""
    table = Table(f"Confusion matrix of {system}", "", ["true class", *map(readable, entry["labels"]), "trials"])
    table.note = "Rows are true classes, columns decisions: % of the trials of the row, over all training seeds."
    table.heat, table.full_heat = True, 1.0
    for label, row in zip(entry["labels"], entry["confusion"], strict=True):
        total = sum(row)
        if total:
            shares = [Cell(f"{100 * count / total:.0f}", count / total) for count in row]
            table.rows.append([Cell(readable(label)), *shares, Cell(f"{total:,}")])
    return table


def author_table(section: Section) -> Table:
    """How well text systems name the speaker."""
    with_authors = {name: result["authorship"] for name, result in section.results.items() if result["authorship"]}
    table = Table("Authorship", "", ["system", "accuracy", "weighted F1", "authors", "texts", "chance"])
    table.note = "How often the text system names the speaker of bona fide speech, in % of the texts by authors it knows; ± over seeds."
    for name, entry in with_authors.items():
        cells = [Cell(percent(entry[key]), entry[key]["mean"]) for key in ("accuracy", "weighted_f1")]
        counts = [Cell(str(entry[key]), entry[key]) for key in ("num_authors", "num_texts")]
        table.rows.append([Cell(name), *cells, *counts, Cell(f"{100 * entry['chance']:.1f}", entry["chance"])])
    return table


def abx_table(section: Section) -> Table:
    """Whether embeddings lie nearer to their own class."""
    table = Table("ABX", "", ["system", "by purported speaker", "by label"])
    for name, result in section.results.items():
        entries = [result["abx_speaker"], result["abx_label"]]
        found = [entry for entry in entries if entry]
        if found:
            table.rows.append([Cell(name), *(Cell(percent(entry), entry["mean"] if entry else None) for entry in entries)])
            table.note = (
                f"% of {found[0]['num_triples']:,} triples in which an utterance lies nearer to one of its own class than to one of "
                f"another ({found[0]['distance']} distance); chance 50. By speaker: bona fide speech only. By label: bona fide and spoof."
            )
    return table


def readable(value: str) -> str:
    """`in_character` as `in character`."""
    return value.replace("_", " ")


def counts_line(section: Section) -> str:
    """Protocol, trials, seeds and resamples of a split, in one sentence."""
    result = max(section.results.values(), key=lambda result: len(result["seeds"]))
    config, seeds = result["provenance"]["evaluate"], result["seeds"]
    classes = "unlabelled" if result["num_bonafide"] is None else f"{result['num_bonafide']:,} bona fide, {result['num_spoof']:,} spoofs"
    trained = f"{len(seeds)} training seed{'s' if len(seeds) > 1 else ''} ({', '.join(map(str, seeds))})"
    trained += ", fewer where a table says so" if any(len(other["seeds"]) < len(seeds) for other in section.results.values()) else ""
    return (
        f"Protocol `{section.protocol}`, split `{section.split}`: {result['num_trials']:,} trials ({classes}) of "
        f"{result['num_speakers']:,} purported speakers; {trained}; intervals at "
        f"{100 * config['confidence']:g} % from {config['num_resamples']:,} resamples of the speakers."
    )


def _measured(entry: dict | None, show: Callable[[float], str]) -> str:
    if entry is None:
        return ABSENT
    text = show(entry["mean"])
    if entry.get("low") is not None:
        text += f" [{show(entry['low'])}, {show(entry['high'])}]"
    return text + (f" ±{show(entry['spread'])}" if entry["spread"] is not None else "")


def _difference_cell(entry: dict | None, show: Callable[[float], str]) -> Cell:
    if entry is None:
        return Cell(ABSENT)
    spread = "" if entry["spread"] is None else f" ±{show(entry['spread'])[1:]}"
    text = _measured({**entry, "spread": None}, show) + spread
    return Cell(text, entry["mean"], entry["low"] is not None and not entry["low"] <= 0 <= entry["high"])


def _eer_of(condition: str, value: str) -> Callable[[dict], dict | None]:
    return lambda result: result["conditions"].get(condition, {}).get(value, {}).get("eer")


def _within(result: dict, condition: str, value: str) -> dict | None:
    return result["conditions"].get(condition, {}).get(value, {}).get("within")


def _table(title, note, section, columns, show, lowest_is_best=False) -> Table:
    table = Table(title, note, ["system", *(name for name, _ in columns)])
    if not columns:
        return table
    for name, result in section.scored.items():
        entries = [find(result) for _, find in columns]
        table.rows.append([Cell(name), *(Cell(show(entry), entry["mean"] if entry else None) for entry in entries)])
    if lowest_is_best and len(table.rows) > 1:
        for column in range(1, len(table.headers)):
            found = [row[column] for row in table.rows if row[column].value is not None]
            for cell in found:
                cell.best = cell.value == min(other.value for other in found)
    return table
