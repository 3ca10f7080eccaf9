"""CAU_KU's systems of ADD 2023, track 3, from audio to the report: three classifiers, their ensemble, and
OpenMax on each of the four.
"""

import json

import pytest
from tiny_runs import dada

from dada.data import read_table

PREPARE = '''
"""Three classes of tones, named as in the challenge by digits; test holds a fourth, of noise, which nobody
was trained on.
"""

import numpy as np

from dada.data import DataDir, write_audio

PITCHES = {"0": 150, "1": 700, "2": 3000}


def prepare(recipe):
    made = []
    for number, (split, size) in enumerate((("train", 14), ("dev", 8), ("test", 6))):
        tables = {"wav.scp": {}, "utt2attack": {}}
        for kind in (*PITCHES, "7") if split == "test" else PITCHES:
            for turn in range(size):
                rng = np.random.default_rng([number, int(kind), turn])
                time = np.arange(8000) / 16000
                x = 0.02 * rng.standard_normal(len(time))
                if kind in PITCHES:
                    x += 0.3 * np.sin(2 * np.pi * PITCHES[kind] * rng.uniform(0.9, 1.1) * time)
                utt = f"{split}-{kind}-{turn:02d}"
                path = recipe.root / "data" / "audio" / f"{utt}.flac"
                write_audio(path, x.astype(np.float32))
                tables["wav.scp"][utt] = str(path)
                tables["utt2attack"][utt] = kind
        ordered = {name: dict(sorted(table.items())) for name, table in tables.items()}
        made.append(DataDir(recipe.data_dir(split), ordered))
    return made
'''

CLASSIFIERS = ["track3_cqt_lcnn", "track3_cqt_ofd", "track3_aasist"]
OPEN_SETS = [*(f"{name}_openmax" for name in CLASSIFIERS), "track3_openmax"]
SYSTEMS = [*CLASSIFIERS, "track3_ensemble", *OPEN_SETS]
RECIPE = f"""
corpus: {{name: tones, purported_speakers: false}}
systems: [{", ".join(SYSTEMS)}]
seeds: [1]
evaluate: {{num_resamples: 20, abx_triples: 50}}
"""
LABELS = 'labels: ["0", "1", "2"]\n'
TRAIN = "train: {{epochs: {}, batch_size: 6, optim: {{lr: 3.0e-3}}}}\n"
EPOCHS = {"track3_cqt_lcnn": 6, "track3_cqt_ofd": 6, "track3_aasist": 20}
CONF = {  # the sizes of a toy; all else is the system's
    "track3_cqt_lcnn": "input: {num_samples: 8000}\nmodel: {name: lcnn, num_layers: 9, width: 0.25, "
    "dropout: 0.0, norm_momentum: 0.3}\n",
    "track3_cqt_ofd": (
        "input: {num_samples: 34000}\n"
        "model: {name: ofd, splits: [2, 2, 0, 0, 0, 0], dense: [128, 64], block_dropout: 0.0, "
        "norm_momentum: 0.3}\n"
    ),
    "track3_aasist": (
        "input: {num_samples: 4000}\nmodel: {name: aasist, num_filters: 24, channels: [8, 8, 8, 8, 8, 8], "
        "node_sizes: [16, 8]}\n"
    ),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The recipe after a run of all stages."""
    root = tmp_path_factory.mktemp("track3") / "tones"
    (root / "local").mkdir(parents=True)
    (root / "conf").mkdir()
    (root / "local" / "prepare_data.py").write_text(PREPARE)
    (root / "recipe.yaml").write_text(RECIPE)
    for name, text in CONF.items():
        (root / "conf" / f"{name}.yaml").write_text(LABELS + text + TRAIN.format(EPOCHS[name]))
    (root / "conf" / "track3_ensemble.yaml").write_text(LABELS)
    assert dada("run", root, "--nj", "1").returncode == 0
    return root


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_names_the_known_classes(finished, system):
    found = json.loads((finished / "exp" / system / "results" / "test.json").read_text())["classes"]
    assert found["labels"] == ["0", "1", "2", "unknown"] and found["unknown_attacks"] == ["7"]
    assert (found["num_known"], found["num_unknown"]) == (18, 6) and found["closed_accuracy"]["mean"] > 0.6
    decided = read_table(finished / "exp" / system / "seed_1" / "classes" / "test.txt")
    assert len(decided) == 24 and set(decided.values()) <= {"0", "1", "2", "unknown"}
    assert (system in OPEN_SETS) or "unknown" not in decided.values()
    assert f"| {system} |" in (finished / "exp" / "RESULTS.md").read_text()


def test_openmax_of_the_submission_stands_on_train_and_dev_of_the_sum(finished):
    """1.5 : 1.2 : 1 of the logits as they are, and all utterances of both splits that the sum names
    rightly.
    """
    folder = finished / "exp" / "track3_openmax" / "seed_1"
    fitted = json.loads((folder / "open_set.json").read_text())
    assert 14 < fitted["classes"]["0"]["utterances"] <= 14 + 8 and (fitted["tail"], fitted["threshold"]) == (
        20,
        0.25,
    )
    members = json.loads((finished / "exp" / "track3_ensemble" / "seed_1" / "ensemble.json").read_text())[
        "members"
    ]
    assert [members[name]["factor"] for name in ("lcnn", "ofd", "aasist")] == pytest.approx([1.5, 1.2, 1.0])
