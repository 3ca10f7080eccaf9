"""A recipe for a corpus that is a folder of audio files with a CSV, with ASVspoof-style protocols, or with
folders that name the classes.

Made from egs/TEMPLATE. Protocols and folders are turned into a CSV once, local/list.csv of the recipe.
"""

import importlib.util
import json
import logging
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

from dada import program
from dada.data.datadir import DataDir
from dada.errors import DataError, UserError
from dada.formats.csv_list import LABELS, SPLITS, Row, guess_mapping, map_values, parse, read_rows
from dada.formats.folders import rows_of_folders, rows_of_protocols, write_rows
from dada.storage.atomic import atomic_dir

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]  # the checkout
OWN_LIST = Path("local", "list.csv")  # of a recipe whose corpus came without a CSV
# Columns that are found by themselves: ours and other usual names.
COLUMNS = {
    "file": ("file", "path", "filename", "file_name", "audio", "wav"),
    "label": ("label", "class", "key"),
    "speaker": ("speaker", "spk", "speaker_id"),
    "attack": ("attack", "generator", "system"),
    "split": ("split", "subset", "partition", "set"),
    "source": ("source",),
    "text": ("text", "transcript", "sentence"),
}


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
) -> list[DataDir]:
    """Make egs/<name>, ready for stage 1; returns the splits that stage 1 is going to write.

    Without `csv` the list is made from `protocols`, {split: file}, or from the folders that the files lie in
    (`folders`: what each level of them means). `columns` is {ours: the CSV's} and completes what the names of
    the columns tell; `labels` and `splits` map values of the CSV and complete the usual spellings. Raises
    UserError or DataError, and leaves nothing, where stage 1 would fail.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise UserError(f"{name!r} cannot name a recipe: use letters, digits, `_`, `.` and `-`")
    template = ROOT / "egs" / "TEMPLATE"
    if not template.is_dir():
        raise UserError(
            f"{template} does not exist: dada has to be installed from its checkout, `pip install -e .`"
        )
    if not Path(audio).is_dir():
        raise UserError(
            f"{audio} is not a folder: give the one that the file names in the CSV are relative to"
        )
    program.refuse_existing(Path(egs) / name)
    audio = Path(audio).resolve()
    with atomic_dir(Path(egs) / name) as partial:
        shutil.copytree(
            template, partial, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "local.yaml")
        )
        if csv is None:
            listed = partial / OWN_LIST
            made = rows_of_protocols(audio, protocols) if protocols else rows_of_folders(audio, folders)
            write_rows(listed, made)
            columns = {name: name for name in made[0]} | dict(
                columns or {}
            )  # every further one is a condition
        else:
            listed = Path(csv).resolve()
        options = read_list(listed, audio, partial, columns or {}, labels or {}, splits or {})
        options |= {
            "split_by": split_by or ("speaker" if "speaker" in options["columns"] else "file"),
            "seed": seed,
        }
        values = {
            "name": name,
            "language": language,
            "purported_speakers": "speaker" in options["columns"],
            **options,
        }
        recipe_yaml = partial / "recipe.yaml"
        recipe_yaml.write_text(fill(recipe_yaml.read_text(encoding="utf-8"), values), encoding="utf-8")
        (partial / "local.yaml").write_text(
            f"corpus: {{root: {json.dumps(str(audio), ensure_ascii=False)}}}\n", encoding="utf-8"
        )
        readme = partial / "README.md"
        readme.write_text(
            readme.read_text(encoding="utf-8").replace("# TEMPLATE", f"# {name}", 1), encoding="utf-8"
        )
        return _try_out(partial, audio, options, Path(egs) / name)


def read_list(
    path: Path,
    audio: Path,
    recipe: Path,
    columns: Mapping[str, str],
    labels: Mapping[str, str],
    splits: Mapping[str, str],
) -> dict:
    """What `corpus.options` says of a CSV: its path, the columns, and what the labels and splits mean."""
    home = next((folder for folder in (recipe, audio) if path.is_relative_to(folder)), None)
    chosen = find_columns(path, columns)
    rows = read_rows(path, chosen)
    return {
        "csv": str(path.relative_to(home) if home else path),
        "columns": chosen,
        "labels_map": _mapping(path, rows, "label", LABELS, labels),
        "splits_map": _mapping(path, rows, "split", SPLITS, splits) if "split" in chosen else {},
    }


def find_columns(csv: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Our names -> the CSV's, in our order: the given ones, and those with usual names. Raises DataError for
    an unreadable CSV.
    """
    header, _ = parse(csv)
    taken = set(given.values())
    found = {}
    for ours, usual in COLUMNS.items():
        theirs = given.get(ours) or next(
            (column for column in header if column.lower() in usual and column not in taken), None
        )
        if theirs:
            found[ours] = theirs
    return {**found, **given}


def fill(text: str, values: Mapping[str, object]) -> str:
    """Put values into the lines `key: value  # comment` of a YAML text, whose comments stay."""
    for key, value in values.items():
        line = re.compile(rf"^(\s*{key}: ).*?(?=\s+#|$)", re.MULTILINE)
        if not line.search(text):
            raise UserError(f"the recipe.yaml of egs/TEMPLATE has no line `{key}:`: restore it")
        written = json.dumps(
            value, ensure_ascii=False
        )  # JSON is YAML, and quotes what YAML would take for a number or truth value
        text = line.sub(lambda match, written=written: match.group(1) + written, text, count=1)
    return text


def _mapping(
    csv: Path, rows: Sequence[Row], column: str, known: Mapping[str, Sequence[str]], given: Mapping[str, str]
) -> dict[str, str]:
    """What the values of a column mean, by usual spellings and the given ones. DataError for an unknown
    value, or a meaning no line has.
    """
    wrong = sorted(set(given.values()) - set(known))
    if wrong:
        raise UserError(f"--{column}s maps to {', '.join(wrong)}: map to {' or '.join(known)}")
    mapping = {**guess_mapping([row.values[column] for row in rows], known), **given}
    mapped = set(map_values(csv, rows, column, mapping, f"--{column}s"))
    absent = [name for name in known if name not in mapped]
    if absent:
        lacking = f"no line of {csv} has the {column} {' or '.join(absent)}"
        raise DataError(
            f"{lacking}; the values mean {json.dumps(mapping, ensure_ascii=False)}: correct --{column}s "
            "or the CSV"
        )
    return mapping


def _try_out(made_recipe: Path, audio: Path, options: dict, home: Path) -> list[DataDir]:
    """What the recipe's prepare_data makes of the corpus, without writing it: all that it refuses is refused
    here.
    """
    program_path = made_recipe / "local" / "prepare_data.py"
    spec = importlib.util.spec_from_file_location("prepare_data", program_path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shutil.rmtree(program_path.parent / "__pycache__", ignore_errors=True)
    recipe = SimpleNamespace(
        root=made_recipe,
        corpus=SimpleNamespace(
            root=audio, options={"shares": {"train": 0.6, "dev": 0.2, "test": 0.2}, **options}
        ),
        splits=SimpleNamespace(train="train", dev="dev", test=["test"]),
        data_dir=lambda split: home / "data" / split,
    )
    made = module.prepare(recipe)
    for data in made:
        data.check()
    return made
