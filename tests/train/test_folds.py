"""Out-of-fold outputs come from models that never saw the sources they speak of."""

import pytest
import torch
from toy import toy_config, toy_dataset

from dada.data.dataset import Dataset, restrict
from dada.errors import DataError
from dada.models.inference import run_model
from dada.train import folds


def test_folds_never_see_their_own_sources(tmp_path, monkeypatch):
    train, dev = toy_dataset(), toy_dataset(20, seed=1)
    config = toy_config(epochs=1, phases=[], loss={"name": "bce"}, folds=3)
    seen, models = {}, {}
    original = folds.fit

    def spy(config, part: Dataset, dev, folder, seed, weights=None):
        seen[folder.name] = set(part.sources) | set(dev.sources)
        models[folder.name] = original(config, part, dev, folder, seed, weights)
        return models[folder.name]

    whole = original(config, train, dev, tmp_path, 1)
    monkeypatch.setattr(folds, "fit", spy)
    material = folds.Material(train, dev, train, train)
    outputs = [folds.fold_outputs(config, whole, material, tmp_path, 1, fold) for fold in range(3)]
    assert sorted(seen) == ["fold_0", "fold_1", "fold_2"]
    assert sorted(utt for part in outputs for utt in part.utts) == sorted(train.utts)
    for i, source in enumerate(train.sources):
        fold = folds.fold_of(source, 3)
        assert source not in seen[f"fold_{fold}"]
        row = outputs[fold].utts.index(train.utts[i])
        alone = run_model(models[f"fold_{fold}"], restrict(train, [i]))
        torch.testing.assert_close(alone.logits[0], outputs[fold].logits[row])
        torch.testing.assert_close(alone.embeddings[0].norm(), outputs[fold].embeddings[row].norm())


def test_rotation_finds_the_way_between_two_spaces():
    generator = torch.Generator().manual_seed(1)
    target = torch.randn(50, 6, generator=generator)
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator))
    torch.testing.assert_close((target @ turn.T) @ folds.rotation(target @ turn.T, target), target)


def test_one_source_cannot_be_left_out(tmp_path):
    whole = toy_dataset(8)
    single = Dataset(whole.arrays, whole.utts, whole.labels, sources=["line-0"] * 8)
    with pytest.raises(DataError, match="nothing is left to learn from"):
        material = folds.Material(single, whole, single, single)
        folds.fold_outputs(toy_config(folds=3), None, material, tmp_path, 1, folds.fold_of("line-0", 3))
