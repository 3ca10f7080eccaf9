"""From transcripts and an author corpus to a fusion, on toy texts: stages prepare_text, train_text,
train_fusion.
"""

import json

import numpy as np
import pytest
import torch
from run_stage import run_job
from small_recipe import small_recipe

from dada.data import DataDir, read_table, write_ark
from dada.data.input import InputConfig
from dada.experiment.config import EarlyStopConfig, OptimConfig, SystemConfig, TrainConfig
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import load_experiment
from dada.models.inference import Outputs
from dada.score.fuse import read_branches, score_fusion
from dada.score.train_fusion import author_counts
from dada.stages import s03_prepare_text, s06_train_text, s07_train_fusion
from dada.train.folds import fold_of

AUTHORS = ("ann", "bob", "cid")
SIZE = 6  # of the text vectors


def line(author: str, i: int) -> str:
    return f"{author} tells story number {i} today"


def text_system(**train) -> SystemConfig:
    fast = OptimConfig(lr=3e-2)
    settings = TrainConfig(
        epochs=6, batch_size=16, optim=fast, early_stop=EarlyStopConfig(metric="loss"), folds=3, **train
    )
    model = {"name": "dada_text", "embedding_size": 4, "dropout": 0.0}
    features = InputConfig("text_features", features={"name": "text_encoder"})
    return SystemConfig("words", "text", [], features, model, train=settings)


def fusion(**model) -> SystemConfig:
    train = TrainConfig(
        epochs=8, batch_size=16, optim=OptimConfig(lr=1e-3), early_stop=EarlyStopConfig(metric="loss")
    )
    branches = {"audio": "sound", "text": "words"}
    return SystemConfig(
        task="fusion", input=InputConfig("branches"), model=model, train=train, branches=branches
    )


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A recipe of three authors after stages 3, 6 and 7, with vectors that tell the author, and an audio
    branch that tells half of the spoofs.

    Each line i of 60 of an author is a source; lines 0-29 are spoken in train, 30-44 in dev, 45-59 in test.
    """
    systems = {
        "sound": SystemConfig(model={"name": "dada_audio"}),
        "words": text_system(),
        "late": fusion(name="late", rule="calibrated"),
        "mid": fusion(name="mid", hidden=[16, 8]),
    }
    root = tmp_path_factory.mktemp("toy")
    corpus = {"name": "small", "purported_speakers": True}
    recipe = small_recipe(root, systems, corpus=corpus, text={"min_words": 4, "min_texts": 2})
    lines = {f"{author}-{i:02d}": (author, i) for author in AUTHORS for i in range(60)}
    where = {i: "train" if i < 30 else "dev" if i < 45 else "test" for i in range(60)}
    DataDir(
        recipe.data_dir("authors"),
        {
            "text": {key: line(*value) for key, value in lines.items()},
            "utt2spk": {key: author for key, (author, _) in lines.items()},
            "utt2source": {key: key for key in lines},
            "utt2split": {
                key: where[i] if i % 3 else "none" for key, (_, i) in lines.items()
            },  # the audio's utt2source says the rest
        },
    ).write()
    rng = np.random.default_rng(0)
    for split in recipe.all_splits:
        write_split(
            recipe, split, {key: value for key, value in lines.items() if where[value[1]] == split}, rng
        )
    (job,) = s03_prepare_text.plan(recipe)
    s03_prepare_text.run(recipe, job)
    for split in ("train", "dev"):
        write_vectors(
            recipe, f"text_authors/{split}", read_table(recipe.text_dir("authors", split) / "text"), rng
        )
    for stage in (s06_train_text, s07_train_fusion):
        for job in stage.plan(recipe):
            run_job(stage, recipe, job)
    return recipe


def write_split(recipe, split, lines, rng):
    """Each line once by its author and once as a spoof of the next one."""
    tables = {name: {} for name in ("text", "utt2spk", "utt2label", "utt2source")}
    for key, (author, i) in sorted(lines.items()):
        for label, speaker in (("bonafide", author), ("spoof", AUTHORS[(AUTHORS.index(author) + 1) % 3])):
            row = (line(author, i).upper() + "!", speaker, label, key)
            for name, value in zip(tables, row, strict=True):
                tables[name][f"{key}-{label}"] = value
    DataDir(recipe.data_dir(split), tables).write()
    write_vectors(recipe, split, tables["text"], rng)
    real = np.array([utt.endswith("bonafide") for utt in tables["text"]])
    scores = torch.tensor(rng.normal(2.0 * real, 1), dtype=torch.float32)
    logits, embeddings = (
        torch.stack([torch.zeros_like(scores), scores], 1),
        torch.stack([scores, -scores, scores**2], 1),
    )
    outputs = Outputs(list(tables["text"]), logits, embeddings)
    folder = recipe.seed_dir("sound", 1)
    ExperimentFolder(folder).write_outputs(split, outputs)
    (folder / "labels.txt").write_text("spoof\nbonafide\n")


def write_vectors(recipe, split, texts, rng):
    vectors = []
    for utt, text in texts.items():
        vector = rng.normal(size=SIZE)
        vector[AUTHORS.index(text[:3].lower())] += 3
        vectors.append((utt, vector))
    write_ark(vectors_dir(recipe, split) / "feats.scp", vectors)


def vectors_dir(recipe, split):
    return recipe.dump_dir(recipe.system("words").input, split)


def test_corpus_holds_nothing_of_dev_and_test(toy):
    corpus = {split: DataDir.read(toy.text_dir("authors", split)) for split in ("train", "dev", "test")}
    for split in ("train", "dev"):
        assert {int(source[-2:]) for source in corpus[split]["utt2source"].values()} <= set(range(30))
    assert not set(corpus["train"]["utt2source"].values()) & set(corpus["dev"]["utt2source"].values())
    assert {utt.split("-")[0] for utt in corpus["train"].utts} == {
        "authors"
    }  # a transcript that equals its line is a duplicate
    assert len(corpus["test"].utts) == 45 and all(utt.endswith("bonafide") for utt in corpus["test"].utts)
    counts = json.loads((toy.root / "data" / "text_authors" / "counts.json").read_text())
    assert counts["held out for dev and test of the audio"] == 90 and counts["duplicates"] == 90


def test_text_system_learns_authors_and_outputs_are_out_of_fold(toy):
    folder = toy.seed_dir("words", 1)
    assert (folder / "labels.txt").read_text().split() == list(AUTHORS)
    for split in ("train", "dev"):
        outputs, data = ExperimentFolder(folder).read_outputs(split), DataDir.read(toy.data_dir(split))
        said = [data["text"][utt][:3].lower() for utt in outputs.utts]
        assert outputs.utts == data.utts
        assert (
            np.mean(
                [
                    AUTHORS[k] == author
                    for k, author in zip(outputs.logits.argmax(1).tolist(), said, strict=True)
                ]
            )
            > 0.8
        )
    sources = read_table(toy.data_dir("train") / "utt2source")
    outputs = ExperimentFolder(folder).read_outputs("train")
    for fold in range(3):
        model = load_experiment(folder / f"fold_{fold}").model
        assert model.config.input_size == SIZE
        held = [i for i, utt in enumerate(outputs.utts) if fold_of(sources[utt], 3) == fold]
        kept = DataDir.read(toy.text_dir("authors", "train"))
        seen = [utt for utt in kept.utts if fold_of(kept["utt2source"][utt], 3) != fold]
        assert held and not {sources[outputs.utts[i]] for i in held} & {
            kept["utt2source"][utt] for utt in seen
        }


def test_fold_models_do_not_see_their_fold(toy, monkeypatch):
    seen = []

    def spy(config, train, dev, folder, seed, weights=None):
        seen.append((folder.name, {*train.sources, *dev.sources}))
        return load_experiment(folder).model

    monkeypatch.setattr("dada.train.fit.fit", spy)
    monkeypatch.setattr("dada.train.folds.fit", spy)
    files = ExperimentFolder(toy.seed_dir("words", 1))
    before = files.read_outputs("train")
    jobs = s06_train_text.plan(toy)
    assert [(job.kind, job.split) for job in jobs] == [
        ("train", None),
        ("folds", "train"),
        ("outputs", "dev"),
    ]
    for job in jobs[:2]:
        run_job(s06_train_text, toy, job)
    assert [name for name, _ in seen] == ["seed_1", "fold_0", "fold_1", "fold_2"]
    spoken = set(DataDir.read(toy.data_dir("train"))["utt2source"].values())
    for name, sources in seen[1:]:
        assert sources & spoken and not any(
            fold_of(source, 3) == int(name[-1]) for source in sources & spoken
        )
    torch.testing.assert_close(files.read_outputs("train").logits, before.logits)


@pytest.mark.parametrize("name", ["late", "mid"])
def test_fusions_can_be_loaded_and_score(toy, name):
    experiment = load_experiment(toy.seed_dir(name, 1))
    data = DataDir.read(toy.data_dir("dev"))
    branches = read_branches(toy.seed_dir("sound", 1), toy.seed_dir("words", 1), "dev", data.speakers)
    fused = score_fusion(experiment.model, experiment.config, branches)
    real = np.array([data["utt2label"][utt] == "bonafide" for utt in fused.outputs.utts])
    better = (fused.scores[real][:, None] > fused.scores[~real]).mean()
    audio = fused.contributions["audio"]
    assert (
        better > (0.97 if name == "late" else 0.8)
        and better > (audio[real][:, None] > audio[~real]).mean() - 0.1
    )
    if name == "late":
        numbers = json.loads((toy.seed_dir("late", 1) / "fusion.json").read_text())
        assert 0 <= numbers["alpha"] <= 1 and numbers["spoof_rates"] == {"ann": 0.5, "bob": 0.5, "cid": 0.5}
        assert float(experiment.model.alpha) == numbers["alpha"]


def test_prior_is_what_the_classifier_saw(toy, monkeypatch):
    text = toy.seed_dir("words", 1)
    counts = author_counts(toy, text)
    spoken = list(read_table(toy.text_dir("authors", "train") / "utt2spk").values())
    assert counts == {author: spoken.count(author) for author in AUTHORS}
    monkeypatch.setattr("dada.experiment.trained.read_config", lambda folder: text_system(sampler="balanced"))
    assert author_counts(toy, text) == dict.fromkeys(AUTHORS, 1)


def test_plans_name_what_they_read(toy):
    job = s06_train_text.plan(toy)[0]
    assert vectors_dir(toy, "text_authors/train") / "feats.scp" in job.inputs and job.keep
    late, mid = s07_train_fusion.plan(toy)
    assert toy.seed_dir("words", 1) / "embed" / "dev" / "embed.npy" in late.inputs
    assert toy.seed_dir("late", 1) / "fusion.json" in late.outputs
    assert mid.outputs == (toy.seed_dir("mid", 1) / "weights.pt",)
