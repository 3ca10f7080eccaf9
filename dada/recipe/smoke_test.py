"""Run all stages of a new recipe on a few files of its corpus, in a temporary folder."""

import json
import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from dada.data.datadir import DataDir
from dada.formats.csv_list import write_rows
from dada.storage.yaml_file import read_yaml

NUM_FILES = 12  # of each label and split
SYSTEMS = {"trivial_cues": "", "lfcc_gmm": "model: {num_components: 2, init_frames: 500}\n"}
COLUMNS = {"wav.scp": "file", "utt2spk": "speaker"}  # other tables are utt2<column>, or called like it
log = logging.getLogger(__name__)


def smoke_test(recipe: Path, splits: Sequence[DataDir]) -> str:
    """Run a recipe on NUM_FILES files of each label of its data directories, and return the table of results.

    Raise what a stage raises. The results mean nothing, with so few files and a mixture of two components.
    """
    from dada.recipe.catalog import stages
    from dada.recipe.options import Options
    from dada.recipe.recipe import Recipe
    from dada.recipe.runner import Selection, run_recipe
    from dada.report.terminal import summary

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / recipe.name
        shutil.copytree(recipe, copy, ignore=shutil.ignore_patterns("data", "dump", "exp", "exp_*"))
        columns = {
            table: COLUMNS.get(table, table.removeprefix("utt2")) for data in splits for table in data.tables
        }
        write_rows(copy / "local" / "list.csv", _rows(splits, columns))
        local = read_yaml(recipe / "local.yaml") if (recipe / "local.yaml").is_file() else {}
        local |= {
            "corpus": {
                "root": folder,
                "options": {
                    "csv": "local/list.csv",
                    "columns": {name: name for name in (*columns.values(), "split")},
                    "labels_map": {name: name for name in ("bonafide", "spoof")},
                    "splits_map": {data.path.name: data.path.name for data in splits},
                },
            },
            "evaluate": {"num_resamples": 20},
        }
        if any(
            data.path.name == "train" for data in splits
        ):  # else the recipe's systems have published weights
            (copy / "conf").mkdir(exist_ok=True)
            for name, text in SYSTEMS.items():
                (copy / "conf" / f"{name}.yaml").write_text(text, encoding="utf-8")
            local["systems"] = list(SYSTEMS)
        (copy / "local.yaml").write_text(json.dumps(local), encoding="utf-8")  # JSON is YAML
        loaded = Recipe.load(copy, options=Options(nj=1))
        log.info("smoke test: all stages on at most %d files of each label and split", NUM_FILES)
        run_recipe(loaded, Selection(1, stages()[-1].number))
        return summary(loaded.views)


def _rows(splits: Sequence[DataDir], columns: Mapping[str, str]) -> list[dict[str, str]]:
    """Return evenly spaced files of each label and split, by absolute path, with the values of all tables.

    `columns` is table -> column.
    """
    rows = []
    for data in splits:
        labels = data["utt2label"]
        for label in sorted(set(labels.values())):
            utts = [utt for utt in data.utts if labels[utt] == label]
            for utt in utts[:: -(-len(utts) // NUM_FILES)]:
                values = {column: (data.get(table) or {}).get(utt, "-") for table, column in columns.items()}
                rows.append({**values, "split": data.path.name})
    return rows
