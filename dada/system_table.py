"""The catalogue of systems: what each is, what was published of it, what has been verified of it here.

`systems.csv` has one row for every configuration of dada/conf. It lies in egs/; in an installed package,
which has no egs/, beside the configurations, where setup.py puts a copy. Nothing here imports torch, so that
listing is quick.
"""

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import yaml

from dada.errors import ConfigError, DataError
from dada.plugins import nearest

CONF = Path(__file__).parent / "conf"
TABLES = (Path(__file__).parents[1] / "egs" / "systems.csv", CONF / "systems.csv")
REWRITE = "utils/systems_table.py && utils/make_docs.py"


@dataclass
class Row:
    """One system. What is empty was not published, or not verified. `*_test` are node ids of the tests that
    verify what stands before.

    `figure`, `metric`, `corpus` and `source` hold as many values, separated by `; `, where several figures
    were published. `configuration`, `recipes`, `parameters` and `mini_run` are filled in from the project by
    utils/systems_table.py.
    """

    system: str
    description: str
    configuration: str = ""
    recipes: str = ""  # folders of egs/ whose recipe.yaml runs it by default
    paper: str = ""
    figure: str = ""  # 0.83 / 0.0275
    metric: str = ""  # EER % / min t-DCF
    corpus: str = ""
    source: str = ""  # who says so: a value of SOURCES
    parameters: str = (
        ""  # of the network, without a frozen encoder; of a model without gradient, its fitted numbers
    )
    parameters_test: str = ""
    official_weights: str = ""  # the file that was tried
    official_deviation: str = (
        ""  # largest difference of a logit from the official code's that the test allows
    )
    official_test: str = ""
    filled_test: str = ""  # logits of weights filled by a formula, against those of the reference structure
    score_file: str = ""  # the figure that a released score file gives here
    score_file_test: str = ""
    other: str = ""  # what else was verified
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
    """The systems that have a configuration."""
    return sorted(path.stem for path in CONF.glob("*.yaml"))


def require(name: str) -> None:
    """Raise ConfigError, with the nearest name, for a system that there is not."""
    known = names()
    if name not in known:
        raise ConfigError(f"unknown system {name!r}{nearest(name, known)}; known: {', '.join(known)}")


def configuration(name: str) -> str:
    """The text of a system's YAML. Raises ConfigError for an unknown name."""
    require(name)
    return (CONF / f"{name}.yaml").read_text(encoding="utf-8")


def settings(name: str) -> dict:
    """The values of a system's YAML, and of that which it is `like`, without defaults. Raises ConfigError for
    an unknown name.
    """
    values = yaml.safe_load(configuration(name))
    other = values.pop("like", None)
    return _merged(settings(other), values) if other else values


def _merged(below: dict, above: dict) -> dict:
    both = dict(below)
    for key, value in above.items():
        both[key] = (
            _merged(both[key], value)
            if isinstance(value, dict) and isinstance(both.get(key), dict)
            else value
        )
    return both


def read_rows(path: Path | None = None) -> dict[str, Row]:
    """The rows by system. Raises DataError for a missing file, other columns, or two rows of one system."""
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
    """The text of systems.csv, sorted by system."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(rows[name]) for name in sorted(rows))
    return text.getvalue()


def figures(row: Row) -> list[tuple[str, str, str, str]]:
    """(figure, metric, corpus, source) of everything published. Raises DataError where the four do not hold
    as many values.
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
    """What was published, in words: `EER % / min t-DCF 0.83 / 0.0275 on ASVspoof 2019 LA eval`."""
    return "; ".join(
        f"{metric} {figure} on {corpus}" + _marked(source) for figure, metric, corpus, source in figures(row)
    )


def _marked(source: str) -> str:
    return {"paper": "", "CAU_KU": ""}.get(source, f" ({source})")


def verified(row: Row) -> list[tuple[str, str]]:
    """(what was verified, the test that shows it; empty for a run)."""
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
    """What a system takes in, in words: `waveform, 4.04 s`, `lfcc`, `what lfcc_gmm, lfcc_lcnn say`."""
    values = settings(name)
    taken = values.get("input", {})
    kind = taken.get("kind", "waveform")
    if kind == "branches":
        return f"what {', '.join(values['branches'].values())} say"
    what = taken["features"]["name"] if kind in ("features", "text_features") else kind
    seconds = (
        f", {taken['num_samples'] / taken.get('sample_rate', 16_000):.4g} s"
        if taken.get("num_samples")
        else ""
    )
    return what + seconds + (f", {taken['num_frames']} frames" if taken.get("num_frames") else "")
