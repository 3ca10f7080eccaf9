"""Make a recipe from egs/TEMPLATE for a folder of audio files with a CSV, with ASVspoof-style protocols, or
with folders that name the classes.

Protocols and folders are converted to a CSV once, local/list.csv of the recipe.
"""

import json
import logging
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dada import program
from dada.data.datadir import DataDir
from dada.errors import DataError, UserError
from dada.formats.columns import NO_VALUE
from dada.formats.csv_list import Row, map_values, parse, read_rows, write_rows
from dada.formats.folders import rows_of_folders, rows_of_protocols
from dada.formats.words import LABELS, SPLITS, Words, guess_mapping
from dada.recipe.local import PREPARE, load_local
from dada.recipe.recipe import Recipe
from dada.storage.atomic import atomic_dir

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]  # the checkout
OWN_LIST = Path("local", "list.csv")  # of a recipe whose corpus has no CSV
# Columns that are recognised without --columns: the name in the recipe, and usual names in a CSV.
COLUMNS = {
    "file": ("file", "path", "filename", "file_name", "audio", "wav"),
    "label": ("label", "class", "key"),
    "speaker": ("speaker", "spk", "speaker_id"),
    "attack": ("attack", "generator", "system"),
    "split": ("split", "subset", "partition", "set"),
    "source": ("source",),
    "text": ("text", "transcript", "sentence"),
}
SHARES = {"train": 0.6, "dev": 0.2, "test": 0.2}  # of a list without splits
PUBLISHED = ["aasist_official"]  # systems of a recipe without train; --system all adds others with weights


def new_recipe(
    name: str,
    audio: Path,
    csv: Path | None,
    egs: Path,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    splits: Mapping[str, str] | None = None,
    split_by: str | None = None,
    seed: int = 1,
    language: str = "en",
    protocols: Mapping[str, Path] | None = None,
    folders: Sequence[str] = (),
    test_only: bool = False,
    weights: Path | None = None,
) -> list[DataDir]:
    """Make egs/<name>, ready for stage 1, and return the splits that stage 1 will write.

    Without `csv` the list is made from `protocols`, {split: file}, or from the folders that the files lie in;
    `folders` names the meaning of each level. `columns` is {name: name in the CSV} and completes the usual
    names; `labels` and `splits` map values of the CSV and complete the usual words. With `test_only`, and for
    a list without train, the recipe has no train, and its systems are published weights, of the folder
    `weights`. Raise UserError or DataError, and leave nothing, if stage 1 would fail.
    """
    template, home = ROOT / "egs" / "TEMPLATE", Path(egs) / name
    _check_arguments(name, audio, template, home)
    audio = Path(audio).resolve()
    with atomic_dir(home) as partial:
        ignored = shutil.ignore_patterns("__pycache__", "local.yaml")
        shutil.copytree(template, partial, dirs_exist_ok=True, ignore=ignored)
        if csv is None:
            path = partial / OWN_LIST
            rows = rows_of_protocols(audio, protocols) if protocols else rows_of_folders(audio, folders)
            write_rows(path, rows)
            columns = {column: column for column in rows[0]} | dict(columns or {})  # all become tables
        else:
            path = Path(csv).resolve()
        options = read_list(path, audio, partial, columns or {}, labels or {}, splits or {}, test_only)
        has_speakers = "speaker" in options["columns"]
        options |= {"split_by": split_by or ("speaker" if has_speakers else "file"), "seed": seed}
        values = {"name": name, "language": language, "purported_speakers": has_speakers, **options}
        present = options["splits_map"].values() or options["shares"]
        if "train" not in present:
            dev = "dev" if "dev" in present else None
            values |= {"splits": {"train": None, "dev": dev, "test": ["test"]}, "systems": PUBLISHED}
        local: dict[str, Any] = {"corpus": {"root": str(audio)}}
        if weights is not None:
            local["weights"] = str(Path(weights).resolve())
        _write_settings(partial, name, values, local)
        return _try_out(partial, home)


def _check_arguments(name: str, audio: Path, template: Path, home: Path) -> None:
    """Raise UserError for a bad name, an installation without egs/TEMPLATE, no folder of audio, or an
    existing recipe.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise UserError(f"{name!r} cannot name a recipe: use letters, digits, `_`, `.` and `-`")
    if not template.is_dir():
        advice = "dada has to be installed from its checkout, `pip install -e .`"
        raise UserError(f"{template} does not exist: {advice}")
    if not Path(audio).is_dir():
        raise UserError(f"{audio} is not a folder: give the folder that the file names are relative to")
    program.refuse_existing(home)


def _write_settings(recipe: Path, name: str, values: Mapping[str, object], local: Mapping) -> None:
    """Write recipe.yaml, local.yaml and the title of README.md."""
    texts = {file: (recipe / file).read_text(encoding="utf-8") for file in ("recipe.yaml", "README.md")}
    (recipe / "recipe.yaml").write_text(fill(texts["recipe.yaml"], values), encoding="utf-8")
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in local.items()]
    (recipe / "local.yaml").write_text("".join(lines), encoding="utf-8")
    readme = texts["README.md"].replace("# TEMPLATE", f"# {name}", 1)
    (recipe / "README.md").write_text(readme, encoding="utf-8")


def read_list(
    path: Path,
    audio: Path,
    recipe: Path,
    columns: Mapping[str, str],
    labels: Mapping[str, str],
    splits: Mapping[str, str],
    test_only: bool = False,
) -> dict[str, Any]:
    """Return `corpus.options` for a CSV: its path, its columns, the meaning of its labels and splits, and the
    shares of splits to draw.
    """
    home = next((folder for folder in (recipe, audio) if path.is_relative_to(folder)), None)
    chosen = find_columns(path, columns)
    rows = read_rows(path, chosen)
    labels_map = _mapping(path, rows, "label", LABELS, labels)
    _require(path, rows, "label", labels_map, LABELS)
    splits_map = {}
    if "split" in chosen:
        known = {"test": SPLITS["test"]} if test_only else SPLITS
        splits_map = _mapping(path, rows, "split", {**known, NO_VALUE: ()}, splits)
        _require(path, rows, "split", splits_map, SPLITS if "train" in splits_map.values() else ["test"])
    return {
        "csv": str(path.relative_to(home) if home else path),
        "columns": chosen,
        "labels_map": labels_map,
        "splits_map": splits_map,
        "shares": {"test": 1} if test_only else SHARES,
    }


def find_columns(csv: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Return name in the recipe -> name in the CSV, for the given columns and those with usual names.

    Raise DataError for an unreadable CSV.
    """
    header, _ = parse(csv)
    taken = set(given.values())
    columns = {}
    for name, usual in COLUMNS.items():
        matches = (column for column in header if column.lower() in usual and column not in taken)
        column = given.get(name) or next(matches, None)
        if column:
            columns[name] = column
    return {**columns, **given}


def fill(text: str, values: Mapping[str, object]) -> str:
    """Replace the values in lines `key: value  # comment` of a YAML text, and keep its comments."""
    for key, value in values.items():
        match = re.search(rf"^(\s*{key}: ).*?(?=\s+#|$)", text, re.MULTILINE)
        if not match:
            raise UserError(f"the recipe.yaml of egs/TEMPLATE has no line `{key}:`: restore it")
        # JSON is YAML, and quotes texts that YAML would read as a number or truth value.
        written = json.dumps(value, ensure_ascii=False)
        text = text[: match.start()] + match[1] + written + text[match.end() :]
    return text


def _mapping(
    csv: Path, rows: Sequence[Row], column: str, known: Words, given: Mapping[str, str]
) -> dict[str, str]:
    """Return the meaning of the values of a column, by usual words and the given mapping.

    Raise DataError for an unknown value.
    """
    wrong = sorted(set(given.values()) - set(known))
    if wrong:
        raise UserError(f"--{column}s maps to {', '.join(wrong)}: map to {' or '.join(known)}")
    mapping = {**guess_mapping([row.values[column] for row in rows], known), **given}
    map_values(csv, rows, column, mapping, f"--{column}s")
    return mapping


def _require(
    csv: Path, rows: Sequence[Row], column: str, mapping: Mapping[str, str], needed: Iterable[str]
) -> None:
    """Raise DataError for a needed meaning that no line has."""
    mapped = {mapping[row.values[column]] for row in rows}
    absent = [name for name in needed if name not in mapped]
    if absent:
        lacking = f"no line of {csv} has the {column} {' or '.join(absent)}"
        values = json.dumps(mapping, ensure_ascii=False)
        raise DataError(f"{lacking}; the values mean {values}: correct --{column}s or the CSV")


def _try_out(made_recipe: Path, home: Path) -> list[DataDir]:
    """Return the splits that the recipe's prepare_data makes, without writing them, so that it raises its
    errors now.
    """
    prepared = load_local(made_recipe, PREPARE).prepare(Recipe.load(made_recipe))
    shutil.rmtree(made_recipe / "local" / "__pycache__", ignore_errors=True)
    made = [DataDir(home / "data" / data.path.name, data.tables) for data in prepared]
    for data in made:
        data.check()
    return made
