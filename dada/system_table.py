"""The system table, egs/systems.csv: description, published figures and verified facts of every system.

It has a row for each configuration of dada/conf. An installed package has no egs/; setup.py copies the table
into dada/conf. Nothing here imports torch, so that `dada models` is quick.
"""

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from dada.errors import DataError
from dada.settings import merge_layers
from dada.system_files import PACKAGE, configured_systems, system_layers

TABLES = (Path(__file__).parents[1] / "egs" / "systems.csv", PACKAGE / "systems.csv")
REWRITE = "utils/systems_table.py && utils/make_docs.py"


@dataclass
class Row:
    """One system. An empty value was not published or not verified. `*_test` is the node id of the test that
    verifies the column before it.

    `figure`, `metric`, `corpus` and `source` hold as many values, separated by `; `, where several figures
    were published. utils/systems_table.py fills in `configuration`, `recipes`, `parameters` and `mini_run`.
    """

    system: str
    description: str
    configuration: str = ""
    recipes: str = ""  # folders of egs/ whose recipe.yaml runs it by default
    paper: str = ""
    figure: str = ""  # 0.83 / 0.0275
    metric: str = ""  # EER % / min t-DCF
    corpus: str = ""
    source: str = ""  # of the figure: a key of SOURCES
    # of the network, without a frozen encoder; of a model without gradient, its fitted numbers
    parameters: str = ""
    parameters_test: str = ""
    official_weights: str = ""  # the tested file
    official_deviation: str = ""  # largest difference from a logit of the official code that the test allows
    official_test: str = ""
    filled_test: str = ""  # logits of weights filled by a formula, against those of the reference structure
    score_file: str = ""  # the figure that this package computes from a released score file
    score_file_test: str = ""
    other: str = ""  # any other verified fact
    other_test: str = ""
    mini_run: str = ""  # of the test splits of egs/mini/results.json


COLUMNS = tuple(field.name for field in fields(Row))
SOURCES = {
    "paper": "the system's paper",
    "CAU_KU": "Han et al., DADA workshop, 2023",
    "authors": "the authors' public code or released scores",
    "second-hand": "quoted elsewhere, not checked against its source",
}


def names() -> list[str]:
    """Return the systems that the package configures."""
    return configured_systems()


def configuration(name: str) -> str:
    """Return the text of a system's YAML. Raise ConfigError for an unknown name."""
    system_layers(name)
    return (PACKAGE / f"{name}.yaml").read_text(encoding="utf-8")


def settings(name: str) -> dict:
    """Return the settings of a system, with those of the system that it is `like`, without defaults.

    Raise ConfigError for an unknown name.
    """
    return merge_layers(system_layers(name))


def read_rows(path: Path | None = None) -> dict[str, Row]:
    """Return the rows by system. Raise DataError for a missing file, other columns, or two rows of one
    system.
    """
    path = path or next((table for table in TABLES if table.is_file()), None)
    if path is None:
        raise DataError(
            f"{TABLES[0]} does not exist, nor {TABLES[1]}: the installation is not complete; install "
            "dada again"
        )
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise DataError(f"{path}: the columns are {reader.fieldnames}, expected {', '.join(COLUMNS)}")
        rows: dict[str, Row] = {}
        for values in reader:
            if None in values or None in values.values():
                raise DataError(f"{path}:{reader.line_num}: expected {len(COLUMNS)} values")
            if values["system"] in rows:
                raise DataError(f"{path}:{reader.line_num}: {values['system']} has a row already")
            rows[values["system"]] = Row(**values)
    return rows


def format_rows(rows: dict[str, Row]) -> str:
    """Return the text of systems.csv, sorted by system."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(rows[name]) for name in sorted(rows))
    return text.getvalue()


def figures(row: Row) -> list[tuple[str, str, str, str]]:
    """Return (figure, metric, corpus, source) of each published figure. Raise DataError where the four
    columns do not hold the same number of values.
    """
    columns = [
        value.split("; ") if value else [] for value in (row.figure, row.metric, row.corpus, row.source)
    ]
    if len({len(column) for column in columns}) > 1:
        raise DataError(
            f"systems.csv: {row.system}: figure, metric, corpus and source must hold as many values, "
            "separated by '; '"
        )
    return list(zip(*columns, strict=True))


def published(row: Row) -> str:
    """Return the published figures as text: `EER % / min t-DCF 0.83 / 0.0275 on ASVspoof 2019 LA eval`."""
    return "; ".join(
        f"{metric} {figure} on {corpus}" + _marked(source) for figure, metric, corpus, source in figures(row)
    )


def _marked(source: str) -> str:
    return {"paper": "", "CAU_KU": ""}.get(source, f" ({source})")


def verified(row: Row) -> list[tuple[str, str]]:
    """Return (verified fact, node id of its test) pairs; a run has no test."""
    facts = []
    if row.official_weights:
        facts.append(
            (
                f"the official logits with {row.official_weights}, within {row.official_deviation}",
                row.official_test,
            )
        )
    if row.filled_test:
        facts.append(("the reference's logits with formula-filled weights", row.filled_test))
    if row.parameters_test:
        facts.append((f"{int(row.parameters):,} parameters", row.parameters_test))
    if row.score_file:
        facts.append((f"{row.score_file} from the released score file", row.score_file_test))
    if row.other:
        facts.append((row.other, row.other_test))
    if row.mini_run:
        facts.append((f"run on egs/mini: {row.mini_run}", ""))
    return facts


def input_of(name: str) -> str:
    """Return the input of a system as text: `waveform, 4.04 s`, `lfcc`, `outputs of lfcc_gmm, lfcc_lcnn`."""
    values = settings(name)
    taken = values.get("input", {})
    kind = taken.get("kind", "waveform")
    if kind == "branches":
        return f"outputs of {', '.join(values['branches'].values())}"
    what = taken["features"]["name"] if kind in ("features", "text_features") else kind
    seconds = (
        f", {taken['num_samples'] / taken.get('sample_rate', 16_000):.4g} s"
        if taken.get("num_samples")
        else ""
    )
    return what + seconds + (f", {taken['num_frames']} frames" if taken.get("num_frames") else "")
