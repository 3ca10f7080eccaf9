"""Outputs of the computing stages against those of the version that each stage states.

Where the program computes other results, `VERSION` of the stage (see dada.recipe.job) is raised, so that what
the old code wrote is computed again; and only then. After a wanted change, raise VERSION and write the
fixture again: `DADA_WRITE_FIXTURES=1 python -m pytest tests/recipes/test_versions.py`. Stage 9 is held by
tests/evaluate/test_golden.py, features by tests/features/test_versions.py; stage 11 computes nothing.
"""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from dada.data import ArkReader, read_table
from dada.experiment.folder import ExperimentFolder
from dada.explain.paths import explain_dir
from dada.recipe import catalog
from dada.storage.tensors import load_tensors

FIXTURE = Path(__file__).parents[1] / "fixtures" / "stage_values.json"
ELSEWHERE = {"evaluate", "report"}
NUM_VALUES = 24
TABLES = ("utt2spk", "utt2label", "utt2attack", "utt2source")
AUDIO = ("trivial_cues", "lfcc_gmm", "lfcc_lcnn", "dada_audio")


def spread(values: np.ndarray) -> list[float]:
    """NUM_VALUES of the values, at equal distances."""
    values = np.asarray(values, dtype=np.float64).ravel()
    return [float(f"{x:.5g}") for x in values[np.linspace(0, values.size - 1, NUM_VALUES).astype(int)]]


def digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def weights(root: Path, system: str) -> list[float]:
    tensors = load_tensors(ExperimentFolder(root / "exp" / system / "seed_1").weights, "")
    return spread(np.concatenate([tensors[name].double().numpy().ravel() for name in sorted(tensors)]))


def scores(root: Path, system: str) -> list[float]:
    path = ExperimentFolder(root / "exp" / system / "seed_1").scores("test")
    return spread(np.array([float(score) for score in read_table(path).values()]))


def matrices(index: Path) -> list[float]:
    return spread(np.concatenate([matrix.ravel() for _, matrix in ArkReader(index).items()]))


def tables(root: Path, folder: str, names: tuple[str, ...]) -> str:
    return digest(*(root / "data" / folder / name for name in names))


def values_of(root: Path, explained) -> dict[str, dict[str, object]]:
    """Stage -> what of its outputs is compared: text by digest, numbers by value."""
    return {
        "prepare_data": {
            "train": tables(root, "train", ("utt2spk", "utt2label", "utt2attack", "utt2source"))
        },
        "transcribe": {"test": sorted(" ".join(read_table(root / "data/test/text").values()).split())},
        "prepare_text": {"train": tables(root, "text_lines/train", ("text", "utt2spk"))},
        "extract_features": {"cues": matrices(next(root.glob("dump/cues-*/test/feats.scp")))},
        "train_audio": {
            name: weights(root, name) for name in ("trivial_cues", "lfcc_gmm", "lfcc_lcnn", "dada_audio")
        },
        "train_text": {"dada_text": weights(root, "dada_text")},
        "train_fusion": {name: weights(root, name) for name in ("dada_mid", "dada_late_calibrated")},
        "score": {name: scores(root, name) for name in ("lfcc_gmm", "lfcc_lcnn", "dada_audio", "dada_mid")},
        "explain": {"lfcc_lcnn": matrices(explain_dir(explained, "lfcc_lcnn") / "bonafide.scp")},
    }


def version(stage: str) -> int:
    return getattr(catalog.find(stage).module, "VERSION", 1)


@pytest.fixture(scope="module")
def values(finished, explained):
    found = values_of(finished, explained)
    if os.environ.get("DADA_WRITE_FIXTURES"):
        content = {name: {"version": version(name), "values": entry} for name, entry in found.items()}
        FIXTURE.write_text(json.dumps(content, indent=1) + "\n")
    return found


@pytest.mark.parametrize("stage", [stage.name for stage in catalog.stages() if stage.name not in ELSEWHERE])
def test_outputs_are_those_of_the_stated_version(stage, values):
    """Rounding differs between processors by far less than a hundredth of the values' spread."""
    stored = json.loads(FIXTURE.read_text())[stage]
    assert version(stage) == stored["version"], __doc__
    assert set(values[stage]) == set(stored["values"])
    for name, expected in stored["values"].items():
        found = values[stage][name]
        if isinstance(expected, str):
            assert found == expected, __doc__
        elif isinstance(expected[0], str):
            # a random network decodes: one rounding may change a word
            assert len(set(found) & set(expected)) >= 0.8 * len(set(found) | set(expected)), __doc__
        else:
            spread_of = max(np.std(expected), 1e-6)
            np.testing.assert_allclose(
                found, expected, rtol=0, atol=1e-2 * spread_of, err_msg=f"{name}\n{__doc__}"
            )
