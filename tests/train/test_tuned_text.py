"""Training of a text encoder inside the model: what is tuned, resume, bfloat16, parts of a batch, lengths."""

import json
import random
import shutil
from dataclasses import replace

import pytest
import torch
from toy import stopped_after

from dada.data import DataDir
from dada.data.input import InputConfig
from dada.experiment.config import OptimConfig, SystemConfig, TrainConfig
from dada.text.dataset import text_dataset
from dada.train.batches import make_sampler
from dada.train.fit import fit

WORDS = {"ann": "the cat sat on mat", "bob": "a dog ran far away", "cid": "home it is so very"}


@pytest.fixture(scope="module")
def texts(tmp_path_factory, tiny_bert):
    """Train and dev of three authors who use other words, in texts of 2 to 9 words."""
    rng, root = random.Random(0), tmp_path_factory.mktemp("texts")
    parts = []
    for split, num in (("train", 12), ("dev", 4)):
        tables: dict[str, dict[str, str]] = {"text": {}, "utt2spk": {}}
        for author, words in WORDS.items():
            for i in range(num):
                tables["text"][f"{author}-{i:02d}"] = " ".join(rng.choices(words.split(), k=2 + i % 8))
                tables["utt2spk"][f"{author}-{i:02d}"] = author
        parts.append(text_dataset(DataDir(root / split, tables), system(tiny_bert), training=True))
    return parts


def system(encoder, *, model=None, **train) -> SystemConfig:
    """Triplets through the encoder, then the classifier on what they taught."""
    triplets = {
        "trainable": ["encoder", "mlp"],
        "sampler": "triplets",
        "triplets_by": "label",
        "loss": {"name": "triplet"},
        "early_stop": {"metric": "abx"},
    }
    classes = {
        "trainable": ["mlp", "classifier"],
        "early_stop": {"metric": "claim_eer"},
        "optim": {"lr": 0.02},
    }
    settings = {"name": "dada_text", "encoder": str(encoder), "embedding_size": 8, "max_tokens": 8}
    settings |= {"allow_download": False, "mlp_layers": 2, "dropout": 0.0, **(model or {})}
    fast = OptimConfig("adamw", lr=3e-3)
    common = {"epochs": 2, "batch_size": 6, "phases": [triplets, classes], "optim": fast} | train
    return SystemConfig(
        "words", "text", list(WORDS), InputConfig("text"), settings, train=TrainConfig(**common)
    )


def weights_of(folder) -> dict[str, torch.Tensor]:
    return torch.load(folder / "weights.pt")


def changed(before: dict, after: dict) -> set[str]:
    """First parts of the names of the parameters that differ, of the encoder its layers."""
    return {
        ".".join(name.split(".")[:4] if name.startswith("encoder.encoder") else name.split(".")[:2])
        for name in before
        if not torch.equal(before[name], after[name])
    }


def test_the_last_layers_alone_are_tuned(tmp_path, texts, tiny_bert):
    weights = {}
    for name, prefixes in (("none", ["mlp"]), ("last", ["encoder.encoder.layer.2", "mlp"])):
        config = system(tiny_bert)
        config.train.phases = [config.train.phases[0] | {"trainable": prefixes}]
        fit(config, *texts, tmp_path / name, seed=1)
        weights[name] = weights_of(tmp_path / name)
    assert changed(weights["none"], weights["last"]) - {"mlp.0", "mlp.1", "mlp.4"} == {
        "encoder.encoder.layer.2"
    }


@pytest.mark.parametrize("stop_after", [2, 7, 14])
def test_a_tuned_encoder_resumes_exactly(tmp_path, texts, tiny_bert, stop_after):
    """Within the epochs of either phase, with parts of batches."""
    config = system(tiny_bert, accumulate=2, checkpoint_steps=2)
    fit(config, *texts, tmp_path / "whole", seed=1)
    with stopped_after(stop_after):
        fit(config, *texts, tmp_path / "cut", seed=1)
    torch.rand(3)
    fit(config, *texts, tmp_path / "cut", seed=1)
    whole, cut = weights_of(tmp_path / "whole"), weights_of(tmp_path / "cut")
    assert not changed(whole, cut)


def test_parts_of_a_batch_have_the_gradient_of_the_batch(tmp_path, texts, tiny_bert):
    """But for dropout and the batch statistics of the MLP, which this one does not have, and rounding."""
    plain = tmp_path / "plain"
    shutil.copytree(tiny_bert, plain)
    settings = json.loads((plain / "config.json").read_text())
    settings |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (plain / "config.json").write_text(json.dumps(settings))
    found = {}
    for parts in (1, 3):
        config = system(plain, accumulate=parts, model={"mlp_layers": 1}, optim=OptimConfig("sgd", lr=0.1))
        config.train.phases = config.train.phases[:1]
        fit(config, *texts, tmp_path / str(parts), seed=1)
        found[parts] = weights_of(tmp_path / str(parts))
    for name, tensor in found[1].items():
        torch.testing.assert_close(
            found[3][name], tensor, atol=1e-4, rtol=1e-3, msg=lambda text, n=name: f"{n}: {text}"
        )


def test_bfloat16_learns_what_float32_learns(tmp_path, texts, tiny_bert):
    accuracy = {}
    for precision in ("no", "bf16"):
        config = system(tiny_bert, mixed_precision=precision, epochs=6)
        model = fit(config, *texts, tmp_path / precision, seed=1)
        assert all(p.dtype == torch.float32 for p in model.parameters())
        dev = texts[1]
        batch = dev.collate([dev[i] for i in range(len(dev))])
        with torch.no_grad():
            accuracy[precision] = float((model(batch).logits.argmax(1) == batch.labels).float().mean())
    assert min(accuracy.values()) > 0.9


def test_batches_hold_texts_of_similar_length(texts, tiny_bert):
    train = replace(system(tiny_bert).train, sampler="shuffle", phases=[])
    sampler = make_sampler(train, texts[0], list(WORDS), seed=1)
    spans = [max(of) - min(of) for of in ([texts[0].lengths[i] for i in batch] for batch in sampler)]
    assert sorted(i for batch in sampler for i in batch) == list(range(36))
    assert max(spans) <= 2 < max(texts[0].lengths) - min(texts[0].lengths)
