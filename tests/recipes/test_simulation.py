"""egs/speeches_simulated on made-up speeches: its trials, its sound, and what its fusions gain."""

import json
import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dada.data import ArkReader, DataDir
from dada.errors import ConfigError, DataError
from dada.recipe.options import Options
from dada.recipe.recipe import Recipe
from dada.recipe.runner import Selection, run_recipe

ROOT = Path(__file__).parents[2]
AUTHORS = ("Ann Author", "Bob Baker", "Cid Cook", "Dan Dyer", "Eve Earl")
SMALL = [
    "corpus.options.min_speeches=6",
    "corpus.options.trials={train: 40, dev: 40, test: 60}",
    "corpus.options.voice.size=4",
    "text.min_words=6",
    "text.max_words=12",
    "text.max_per_source=20",
    "evaluate.num_resamples=50",
    "seeds=[1]",
]
SYSTEMS = ["simulated_audio", "tfidf", "dada_late_bayes", "dada_late_calibrated", "dada_agreement"]


def speech(author: int, rng: random.Random) -> str:
    """Sentences of ten words, of which three are the author's own."""
    common, own = [f"word{i}" for i in range(40)], [f"own{author}x{i}" for i in range(12)]
    return " ".join(
        " ".join(rng.sample([*rng.choices(common, k=7), *rng.choices(own, k=3)], 10)) + "." for _ in range(40)
    )


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("egs") / "speeches_simulated", random.Random(1)
    ignored = shutil.ignore_patterns(
        "data", "dump", "exp", "feats", "log", ".done", "local.yaml", "RESULTS.md"
    )
    shutil.copytree(ROOT / "egs" / "speeches_simulated", root, ignore=ignored)
    (root / "conf" / "simulated_audio.yaml").write_text(
        (root / "conf" / "simulated_audio.yaml").read_text().replace("num_features: 17", "num_features: 5")
    )
    rows = [
        {"author": author, "id": f"{author} {i}", "text": speech(number, rng)}
        for number, author in enumerate(AUTHORS)
        for i in range(5 if author == "Eve Earl" else 10)
    ]
    (root / "corpus").mkdir()
    (root / "corpus" / "few.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run_recipe(load(root), Selection(1, 1))
    run_recipe(load(root, "protocol=weak"), Selection(3, 9))
    return load(root)


def load(root: Path, *overrides: str) -> Recipe:
    source = ["corpus.root=corpus", "corpus.options.file=few.jsonl"]
    return Recipe.load(
        root, [*source, *SMALL, f"systems=[{','.join(SYSTEMS)}]", *overrides], (), Options(nj=1)
    )


def eer(recipe: Recipe, system: str, quote: str) -> float:
    path = recipe.exp_dir(system) / "results" / "test.json"
    return json.loads(path.read_text())["conditions"]["quote"][quote]["metrics"]["eer"]["mean"]


def test_trials_are_what_the_options_say(simulation):
    splits = {name: DataDir.read(simulation.data_dir(name)) for name in ("train", "dev", "test")}
    sources = [set(data["utt2source"].values()) for data in splits.values()]
    assert not sources[0] & sources[1] and not sources[0] & sources[2] and not sources[1] & sources[2]
    test = splits["test"]
    assert len(test.utts) == 4 * 60 and "Eve_Earl" not in set(test.speakers.values())
    assert len(set(test["text"].values())) == len(test.utts)
    spoofs = Counter(test.speakers[utt] for utt in test.utts if test.labels[utt] == "spoof")
    assert sorted(spoofs.values()) == [12, 24, 36, 48]  # 20 to 80 %
    for utt in test.utts:
        wrote = test["utt2source"][utt].partition("#")[0]
        assert (wrote != test.speakers[utt]) == (test["utt2quote"][utt] == "misattributed")
        assert (test["utt2quote"][utt] == "-") == (test.labels[utt] == "bonafide")


def test_sound_has_the_stated_error_rate_under_both_protocols(simulation):
    rows = {}
    for protocol, rate in (("weak", 0.25), ("strong", 0.05)):
        arks = ArkReader(simulation.root / "feats" / protocol / "train.scp")
        data = DataDir.read(simulation.under(protocol).data_dir("train"))
        rows[protocol] = np.stack([arks[utt][0] for utt in data.utts])
        spoof = np.array([data.labels[utt] == "spoof" for utt in data.utts])
        wrong = (rows[protocol][:, 0] < 0) != spoof
        assert abs(wrong.mean() - rate) < 4 * (rate * (1 - rate) / len(wrong)) ** 0.5
    np.testing.assert_allclose(rows["weak"][:, 1:], rows["strong"][:, 1:])
    claims = np.array([data.speakers[utt] for utt in data.utts])
    means = np.stack([rows["weak"][claims == name, 1:].mean(0) for name in sorted(set(claims))])
    assert means.std(axis=0).min() > 0.2  # voices differ


def test_words_help_against_misattributed_spoofs_alone(simulation):
    alone = eer(simulation, "simulated_audio", "misattributed")
    for system in ("dada_late_calibrated", "dada_agreement"):
        assert eer(simulation, system, "misattributed") < alone - 0.05
    assert eer(simulation, "tfidf", "misattributed") < 0.2 < eer(simulation, "tfidf", "in_character")


def test_section_7_knows_unequal_spoof_rates(simulation):
    fitted = json.loads((simulation.seed_dir("dada_late_bayes", 1) / "fusion.json").read_text())
    rates = [fitted["spoof_rates"][name.replace(" ", "_")] for name in AUTHORS[:4]]
    assert max(rates) - min(rates) > 0.4 and fitted["alpha"] < 1
    assert fitted["spoof_rates"]["Eve_Earl"] == 0.5  # nobody claims to be her


def test_wrong_options_are_named(simulation):
    for override, problem in (
        ("corpus.options.artefacts={}", "gives no EER for the protocol 'weak'"),
        ("corpus.options.misattributed=2", "misattributed is 2"),
        ("corpus.options.trials={}", "trials must name the splits train, dev, test"),
    ):
        with pytest.raises(ConfigError, match=problem):
            run_recipe(load(simulation.root, override), Selection(1, 1))
    with pytest.raises(DataError, match="too few for the trials: lower"):
        many = "corpus.options.trials={train: 4000, dev: 40, test: 60}"
        run_recipe(load(simulation.root, many), Selection(1, 1))
