"""Results as tables of text, for Markdown, HTML and the terminal alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dada.data.datadir import readable
from dada.metrics.summary import TANDEM
from dada.metrics.tdcf import OVERALL
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
    drawn: bool = False  # the page draws it instead


def percent(entry: dict | None) -> str:
    """A share in percent: `12.3 [9.8, 15.1] ±0.4` is the mean over seeds, its 95 % interval, and the seeds'
    standard deviation.
    """
    return _measured(entry, lambda value: number(100 * value, 1))


def plain(entry: dict | None) -> str:
    """As `percent`, of a quantity with three decimals."""
    return _measured(entry, lambda value: number(value, 3))


def number(value: float, decimals: int, sign: str = "") -> str:
    """With so many decimals, and the sign `+` where it is asked for; what rounds to zero has none.

    >>> number(-0.0004, 3), number(0.0123, 2, "+")
    ('0.000', '+0.01')
    """
    rounded = round(value, decimals)
    return f"{rounded:{sign}.{decimals}f}" if rounded else f"{0:.{decimals}f}"


def mean_percent(entry: dict | None) -> str:
    """The mean alone, in percent."""
    return ABSENT if entry is None else f"{100 * entry['mean']:.1f}"


def tables_of(section: Section) -> list[Table]:
    """All tables of a split that have something to show."""
    tables = [
        eer_table(section),
        weighted_table(section),
        *(condition_table(section, name) for name in section.own_tables),
    ]
    tables += [tandem_table(section, name) for name in (*section.own_tables, *section.columns)]
    tables += [
        within_table(section),
        metric_table(section),
        difference_table(section),
        *class_tables(section),
    ]
    tables += [author_table(section), abx_table(section), transcript_table(section)]
    return [table for table in tables if table.rows]


def eer_table(section: Section, show: Callable[[dict | None], str] = percent) -> Table:
    """EER over all spoofs, and over those of every value of the conditions with few values."""
    columns = [("all", lambda result: result["metrics"]["eer"])]
    for condition in section.columns:
        for value in section.values(condition):
            columns.append((readable(value), _eer_of(condition, value)))
    note = "EER in % of the spoofs named by the column against all bona fide speech."
    if section.columns:
        note += (
            " Columns by "
            + ", ".join(
                f"`{name}` ({', '.join(map(readable, section.values(name)))})" for name in section.columns
            )
            + "."
        )
    table = _table("Equal error rate", note, section, columns, show, lowest_is_best=True)
    if (
        len({len(result["seeds"]) for result in section.scored.values()}) > 1
    ):  # some systems are trained less often than others
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
        table.note = (
            "Mean EER in %: "
            f"{', '.join(f'{readable(split)} {weight:g}' for split, weight in weights.items())}."
        )
        values = {name: entry["metrics"]["weighted_eer"] for name, entry in found.items()}
        best = min(value["mean"] for value in values.values())
        table.rows = [
            [Cell(name), Cell(percent(value), value["mean"], value["mean"] == best)]
            for name, value in values.items()
        ]
    return table


def condition_table(section: Section, condition: str) -> Table:
    """EER for every value of a condition with many values."""
    columns = [(readable(value), _eer_of(condition, value)) for value in section.values(condition)]
    sizes = next(iter(section.scored.values()))["conditions"].get(condition, {})
    note = f"Mean EER in % of the spoofs of one `{condition}` against all bona fide speech. Spoofs: "
    note += ", ".join(f"{readable(value)} {entry['num_spoof']}" for value, entry in sizes.items()) + "."
    table = _table(
        f"Equal error rate by {condition}", note, section, columns, mean_percent, lowest_is_best=True
    )
    table.heat = True
    return table


def tandem_table(section: Section, condition: str) -> Table:
    """Tandem costs for every value of a condition, where stage 9 had an ASV."""
    found = [
        value
        for result in section.scored.values()
        for value in result["conditions"].get(condition, {}).values()
    ]
    if not any(tandem_costs(value) for value in found):
        return Table("", "", [])
    columns = [
        (
            readable(value),
            lambda result, v=value: tandem_costs(result["conditions"].get(condition, {}).get(v, {})),
        )
        for value in section.values(condition)
    ]
    versions = ["legacy definition of ASVspoof 2019", "in brackets the revised one of ASVspoof 2021"]
    if not any(costs and costs["legacy"] for costs in map(tandem_costs, found)):
        versions = ["revised definition of ASVspoof 2021"]
    against = (
        "bona fide speech that shares the value"
        if any("asv_within" in value for value in found)
        else "all bona fide speech"
    )
    note = f"Mean min t-DCF, {', '.join(versions)}, of the spoofs of one `{condition}` against {against}."
    scopes = [value.get("asv_within", value.get("asv")) for value in found]
    note += " Rates of the ASV: " + (
        "overall." if set(scopes) == {OVERALL} else "of the same trials, where it knows them."
    )
    return _table(f"Tandem cost by {condition}", note, section, columns, _both_costs, lowest_is_best=True)


def tandem_costs(entry: dict) -> dict | None:
    """Both versions of the min t-DCF under one value, within it where bona fide speech has it too, as
    ASVspoof publishes them.
    """
    metrics = entry.get("metrics_within", entry.get("metrics")) or {}
    legacy, revised = (metrics.get(name) for name in TANDEM)
    first = legacy or revised
    return {"mean": first["mean"], "legacy": legacy, "revised": revised} if first else None


def _both_costs(costs: dict | None) -> str:
    shown = (
        [number(costs[name]["mean"], 4) for name in ("legacy", "revised") if costs[name]]
        if costs
        else [ABSENT]
    )
    return shown[0] + (f" ({shown[1]})" if len(shown) > 1 else "")


def within_table(section: Section) -> Table:
    """EER between the two classes where both have the same value of a condition."""
    columns = []
    for condition in [*section.columns, *section.own_tables]:
        for value in section.values(condition):
            if any(_within(result, condition, value) for result in section.scored.values()):
                columns.append(
                    (
                        f"{condition} {readable(value)}",
                        lambda result, c=condition, v=value: _within(result, c, v),
                    )
                )
    note = "EER in % between bona fide speech and spoofs that share the value."
    return _table("Equal error rate within a condition", note, section, columns, percent, lowest_is_best=True)


def metric_table(section: Section) -> Table:
    """The other metrics over all trials."""
    names = [
        ("AUC", "auc"),
        ("F1", "f1_at_eer"),
        ("minDCF", "min_dcf"),
        ("actDCF", "act_dcf"),
        ("Cllr", "cllr"),
    ]
    first, over = next(iter(section.scored.values()), None), ("EER over attacks, %", "eer_over_attacks")
    if first is not None and "asv" in first:
        names += [("min t-DCF 2019", "min_tdcf_2019"), ("min t-DCF 2021", "min_tdcf_2021")]
    columns = [(title, lambda result, name=name: result["metrics"].get(name)) for title, name in names]
    if any(result["metrics"].get(over[1]) for result in section.scored.values()):
        names = [over, *names]
        columns = [(over[0], lambda result: result["metrics"].get(over[1]), percent), *columns]
    note = ""
    if first is not None:
        config, definitions = first["provenance"]["evaluate"], first["provenance"]["definitions"]
        note = "; ".join(f"{title}: {definitions[name].removeprefix('F1: ')}" for title, name in names)
        note += f". ASV: {Path(first['asv']).name}" if "asv" in first else ""
        note += (
            f". Costs: miss {config['cost_miss']:g}, false acceptance {config['cost_fa']:g}, spoofs "
            f"{100 * config['p_spoof']:g} %."
        )
    return _table("Other metrics", note, section, columns, plain)


def difference_table(section: Section) -> Table:
    """Paired differences of two systems: of the EER over all spoofs and by condition, and of the other
    metrics.
    """
    table = Table("Paired differences", "", ["first minus second", "EER all"])
    columns: list[tuple[str, str]] = [
        (name, value) for name in section.columns for value in section.values(name)
    ]
    table.headers += [readable(value) for _, value in columns] + ["minDCF", "AUC"]
    table.note = (
        "The first system's metric minus the second's, on the same trials and the same resampled speakers, "
        "so that what both find hard "
        "cancels. EER in percentage points: below 0 the first is better. Bold: the interval leaves out 0."
    )
    for found in section.differences:
        if found["metrics"] is None:
            continue
        eers = [
            found["metrics"]["eer"],
            *(found["conditions"].get(name, {}).get(value) for name, value in columns),
        ]
        others = [found["metrics"]["min_dcf"], found["metrics"]["auc"]]
        cells = [_difference_cell(entry, lambda value: number(100 * value, 1, "+")) for entry in eers]
        cells += [_difference_cell(entry, lambda value: number(value, 3, "+")) for entry in others]
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
    table.note = (
        "In %. "
        + "; ".join(f"{header}: {definitions[name]}" for header, name in zip(headers, names, strict=True))
        + "."
    )
    counts = next(iter(found.values()))
    table.note += f" {counts['num_known']:,} trials are of known classes, {counts['num_unknown']:,} are not"
    table.note += (
        f" ({', '.join(map(readable, counts['unknown_attacks']))})." if counts["unknown_attacks"] else "."
    )
    for name, entry in found.items():
        table.rows.append(
            [
                Cell(name),
                *(Cell(percent(entry[key]), entry[key]["mean"] if entry[key] else None) for key in names),
            ]
        )
    swept = [sweep_table(name, entry["sweep"]) for name, entry in found.items() if entry.get("sweep")]
    return [table, *(confusion_table(name, entry) for name, entry in open_sets(section).items()), *swept]


def open_sets(section: Section) -> dict[str, dict]:
    """System -> its results as one that names attacks, of those that can say unknown."""
    found = {name: result["classes"] for name, result in section.results.items() if result.get("classes")}
    return {name: entry for name, entry in found.items() if any(row[-1] for row in entry["confusion"])}


def sweep_table(system: str, swept: dict) -> Table:
    """How OpenMax did with every tail (rows) and threshold (columns) that was tried."""
    thresholds = list(dict.fromkeys(row["threshold"] for row in swept["rows"]))
    table = Table(
        f"Tail and threshold of {system}", "", ["tail", *(f"threshold {value:g}" for value in thresholds)]
    )
    chosen = ", ".join(f"{one['tail']} and {one['threshold']:g}" for one in swept["chosen"])
    table.note = (
        "Macro-F1 in %, each known class held out in turn as if it were unknown, and in brackets the "
        "accuracy over the known classes with "
        f"none held out; means over the training seeds. Each seed takes what is best on dev: {chosen}."
    )
    table.heat, table.full_heat = True, 1.0
    for tail in dict.fromkeys(row["tail"] for row in swept["rows"]):
        rows = {row["threshold"]: row for row in swept["rows"] if row["tail"] == tail}
        means = [
            (rows[value]["held_out_macro_f1"]["mean"], rows[value]["known_accuracy"]["mean"])
            for value in thresholds
        ]
        table.rows.append(
            [Cell(str(tail), tail), *(Cell(f"{100 * f1:.1f} ({100 * known:.1f})", f1) for f1, known in means)]
        )
    return table


def transcript_table(section: Section) -> Table:
    """Word error rates of the transcripts."""
    table = Table("Transcripts", "", ["engine", "corpus", "all", "bona fide", "spoof", "utterances", "words"])
    said = section.transcripts
    if said and said["wer"]["all"]:
        table.note = (
            "Word error rate in % against what was to be spoken, without case and punctuation; "
            "intervals over resampled speakers."
        )
        made_by = said["engine"] or {}
        model, library = (str(made_by.get(name) or "unknown") for name in ("model", "library"))
        engine = f"{model.rpartition('/')[2]} ({library.partition(',')[0]})"
        found = [said["wer"].get(name) for name in ("all", "bonafide", "spoof")]
        cells = [Cell(percent(entry), entry["mean"] if entry else None) for entry in found]
        counts = [Cell(f"{found[0][name]:,}", found[0][name]) for name in ("num_utterances", "num_words")]
        table.rows.append([Cell(engine), Cell(said["corpus"]), *cells, *counts])
    return table


def confusion_table(system: str, entry: dict) -> Table:
    """Decisions of a system, in % of the trials of each true class."""
    table = Table(
        f"Confusion matrix of {system}",
        "",
        ["true class", *map(readable, entry["labels"]), "trials"],
        drawn=True,
    )
    table.note = (
        "Rows are true classes, columns decisions: % of the trials of the row, over all training seeds."
    )
    table.heat, table.full_heat = True, 1.0
    for label, row in zip(entry["labels"], entry["confusion"], strict=True):
        total = sum(row)
        if total:
            shares = [Cell(f"{100 * count / total:.0f}", count / total) for count in row]
            table.rows.append([Cell(readable(label)), *shares, Cell(f"{total:,}")])
    return table


def author_table(section: Section) -> Table:
    """How well text systems name the author or speaker."""
    with_authors = {
        name: result["authorship"] for name, result in section.results.items() if result["authorship"]
    }
    table = Table(
        "Authorship", "", ["system", "accuracy", "macro-F1", "weighted F1", "authors", "texts", "chance"]
    )
    for name, entry in with_authors.items():
        figures = [entry.get(key) for key in ("accuracy", "macro_f1", "weighted_f1")]
        cells = [Cell(percent(figure), figure["mean"] if figure else None) for figure in figures]
        counts = [Cell(f"{entry[key]:,}", entry[key]) for key in ("num_authors", "num_texts")]
        table.rows.append(
            [Cell(name), *cells, *counts, Cell(f"{100 * entry['chance']:.1f}", entry["chance"])]
        )
        table.note = "How often the text system names who said it, in % of the texts by authors it knows"
        table.note += f" ({entry['num_unknown']:,} texts are by others)" if entry.get("num_unknown") else ""
        if "num_sources" in entry:
            table.note += f"; intervals over {entry['num_sources']:,} resampled sources, ± over seeds"
            table.note += ". macro-F1 weighs all authors that occur alike"
        table.note += "."
    return table


def abx_table(section: Section) -> Table:
    """Whether embeddings lie nearer to their own class."""
    columns = [
        ("by author", "abx_speaker"),
        ("by author, across sources", "abx_across"),
        ("by label", "abx_label"),
    ]
    columns = [
        (title, key) for title, key in columns if any(result.get(key) for result in section.results.values())
    ]
    table = Table("ABX", "", ["system", *(title for title, _ in columns)])
    for name, result in section.results.items():
        entries = [result.get(key) for _, key in columns]
        found = [entry for entry in entries if entry]
        if found:
            table.rows.append(
                [Cell(name), *(Cell(percent(entry), entry["mean"] if entry else None) for entry in entries)]
            )
            table.note = (
                f"% of {found[0]['num_triples']:,} triples in which an utterance lies nearer to one of its "
                "own class than to one of "
                f"another ({found[0]['distance']} distance); chance 50. By author or purported speaker: "
                "what is real only. Across "
                "sources: the two by one author are from different speeches, works or lines. By label: "
                "bona fide and spoof."
            )
    return table


def test_sets_table(sections: Sequence[Section]) -> Table:
    """F1 and ABX of the text systems on every test set beside each other, as in table 2 of the DADA draft;
    empty for one set.
    """
    tests = [
        section
        for section in sections
        if section.is_test and not section.scored and author_table(section).rows
    ]
    table = Table(
        "All test sets",
        "",
        ["system", *(f"{section.split} {name}" for section in tests for name in ("macro-F1", "ABX"))],
    )
    table.note = "Authorship: macro-F1 over the authors that the system knows, and ABX by author, in %."
    for system in dict.fromkeys(name for section in tests for name in section.results):
        found = [
            section.results.get(system) or {"authorship": None, "abx_speaker": None} for section in tests
        ]
        entries = [
            entry
            for result in found
            for entry in ((result["authorship"] or {}).get("macro_f1"), result["abx_speaker"])
        ]
        table.rows.append(
            [Cell(system), *(Cell(percent(entry), entry["mean"] if entry else None) for entry in entries)]
        )
    return table if len(tests) > 1 else Table(table.title, "", table.headers)


def counts_line(section: Section) -> str:
    """Protocol, trials, seeds and resamples of a split, in one sentence."""
    result = max(section.results.values(), key=lambda result: len(result["seeds"]))
    config, seeds = result["provenance"]["evaluate"], result["seeds"]
    classes = (
        "unlabelled"
        if result["num_bonafide"] is None
        else f"{result['num_bonafide']:,} bona fide, {result['num_spoof']:,} spoofs"
    )
    trained = f"{len(seeds)} training seed{'s' if len(seeds) > 1 else ''} ({', '.join(map(str, seeds))})"
    trained += (
        ", fewer where a table says so"
        if any(len(other["seeds"]) < len(seeds) for other in section.results.values())
        else ""
    )
    resampled = (
        f"intervals at {100 * config['confidence']:g} % from {config['num_resamples']:,} resamples of the"
    )
    if result["num_spoof"] is None and any(entry["authorship"] for entry in section.results.values()):
        texts, authors = result["num_trials"], result["num_speakers"]
        where = f"Protocol `{section.protocol}`, split `{section.split}`"
        return f"{where}: {texts:,} texts by {authors:,} authors; {trained}; {resampled} sources."
    return (
        f"Protocol `{section.protocol}`, split `{section.split}`: {result['num_trials']:,} trials "
        f"({classes}) of "
        f"{result['num_speakers']:,} purported speakers; {trained}; "
        f"{resampled} speakers."
    )


def notes_of(section: Section) -> list[str]:
    """What a reader must know of some systems' results, in one line for all that it holds of."""
    systems: dict[str, list[str]] = {}
    for name, result in section.results.items():
        for note in result.get("notes", []):
            systems.setdefault(note, []).append(f"`{name}`")
    return [f"{', '.join(names)}: {note}." for note, names in systems.items()]


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
    spread = "" if entry["spread"] is None else f" ±{show(entry['spread']).lstrip('+')}"
    text = _measured({**entry, "spread": None}, show) + spread
    return Cell(text, entry["mean"], entry["low"] is not None and not entry["low"] <= 0 <= entry["high"])


def _eer_of(condition: str, value: str) -> Callable[[dict], dict | None]:
    return lambda result: result["conditions"].get(condition, {}).get(value, {}).get("eer")


def _within(result: dict, condition: str, value: str) -> dict | None:
    return result["conditions"].get(condition, {}).get(value, {}).get("within")


def _table(title, note, section, columns, show, lowest_is_best=False) -> Table:
    """`columns` are a head, a function that finds a result's entry, and for a column shown in another way
    than `show` that way.
    """
    table = Table(title, note, ["system", *(name for name, *_ in columns)])
    if not columns:
        return table
    for name, result in section.scored.items():
        cells = [
            Cell((own[0] if own else show)(entry := find(result)), entry["mean"] if entry else None)
            for _, find, *own in columns
        ]
        table.rows.append([Cell(name), *cells])
    if lowest_is_best and len(table.rows) > 1:
        for column in range(1, len(table.headers)):
            found = [row[column] for row in table.rows if row[column].value is not None]
            for cell in found:
                cell.best = cell.value == min(other.value for other in found)
    return table
