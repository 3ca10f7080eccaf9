"""One table of systems by corpora, from the results of several recipes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dada.report.load import read_result
from dada.report.tables import ABSENT, Cell, Table, percent, plain

TRAINED = "trained on "  # begins the note that says no more than the row does
METRICS = {  # by the name in the results: title, how it is shown, whether less is better
    "eer": ("EER in %", percent, True),
    "min_dcf": ("minDCF", plain, True),
    "act_dcf": ("actDCF", plain, True),
    "cllr": ("Cllr", plain, True),
    "auc": ("AUC", plain, False),
    "f1_at_eer": ("F1 at the EER", plain, False),
}


@dataclass(frozen=True)
class Found:
    """One file of results: `asvspoof2019:aasist` on `asvspoof2021 LA_eval`."""

    system: str
    column: str
    result: dict


def find_results(views: Sequence, with_dev: bool = False) -> Iterator[Found]:
    """All results of a recipe, given its view of every protocol: of the systems trained there, and of those
    that others trained.
    """
    for view in views:
        below = "" if view is views[0] else view.protocol
        for split in [*([view.splits.dev] if with_dev and view.splits.dev else []), *view.splits.test]:
            home = view.exp_dir("x").parent
            for depth in ("*", "from_*/*", "from_*/*/*"):
                for path in sorted(home.glob(f"{depth}/results/{split}.json")):
                    result = read_result(path)
                    if "system" not in result:  # of the transcripts
                        continue
                    place = path.parents[1].relative_to(home)
                    name = "/".join(filter(None, (below, str(place))))
                    system = f"{view.root.resolve().name}:{name}"
                    if depth != "*":
                        system = f"{place.parts[0].removeprefix('from_')}:{'/'.join(place.parts[1:])}"
                    yield Found(
                        system, " ".join(filter(None, (view.root.resolve().name, below, split))), result
                    )


def corpora_table(found: Sequence[Found], columns: Sequence[str], metric: str = "eer") -> Table:
    """Rows are systems by where they were trained, columns splits; the mean stands where no cell is empty, so
    that means compare alike.
    """
    title, show, less_is_better = METRICS[metric]
    entries, numbers = {}, {}
    for one in found:
        entry = (one.result["metrics"] or {}).get(metric)
        if entry is not None:
            marks = [
                numbers.setdefault(note, len(numbers) + 1)
                for note in one.result.get("notes", [])
                if not note.startswith(TRAINED)
            ]
            entries[one.system, one.column] = entry, "".join(f" ({mark})" for mark in marks)
    systems = list(dict.fromkeys(system for system, _ in entries))
    columns = [column for column in columns if any(column == of for _, of in entries)]
    table = Table(f"{title} of systems by corpora", "", ["trained in: system", *columns])
    for system in systems:
        table.rows.append([Cell(system), *(_cell(entries.get((system, column)), show) for column in columns)])
    if len(columns) > 1:
        table.headers.append("mean")
        for row in table.rows:
            values = [cell.value for cell in row[1:]]
            mean = None if None in values else sum(values) / len(values)
            row.append(_cell(None if mean is None else ({"mean": mean, "spread": None}, ""), show))
    for column in range(1, len(table.headers)):
        values = [row[column].value for row in table.rows if row[column].value is not None]
        for row in table.rows:
            row[column].best = len(values) > 1 and row[column].value == (
                min(values) if less_is_better else max(values)
            )
    table.note = (
        f"{title}, with intervals over resampled speakers and the deviation over training seeds. "
        "Complete rows have a mean."
    )
    table.note += "".join(f"\n({number}) {note}." for note, number in numbers.items())
    return table


def _cell(entry: tuple[dict, str] | None, show) -> Cell:
    return Cell(ABSENT) if entry is None else Cell(show(entry[0]) + entry[1], entry[0]["mean"])
