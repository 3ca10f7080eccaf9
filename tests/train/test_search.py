"""Architecture search: what moves when, on which half of the data, and what comes out."""

import pytest
import torch
import yaml
from toy import toy_dataset

from dada import models
from dada.data import Batch
from dada.data.input import InputConfig
from dada.errors import ConfigError
from dada.experiment.config import OptimConfig, SystemConfig, TrainConfig
from dada.models.audio import pc_darts, pc_darts_search
from dada.recipe.config import load_system_config
from dada.train.fit import fit
from dada.train.search import GENOTYPE, Search


def config(**settings) -> SystemConfig:
    model = {
        "name": "pc_darts_search",
        "num_channels": 4,
        "num_cells": 3,
        "num_nodes": 2,
        "warmup_epochs": 1,
        "search_lr": 0.05,
    }
    train = {
        "epochs": 2,
        "batch_size": 6,
        "checkpoint_steps": 1,
        "keep": "last",
        "optim": OptimConfig(lr=0.01),
    }
    return SystemConfig(
        name="toy_search",
        input=InputConfig(kind="features", features={"name": "toy"}),
        model=model | settings.pop("model", {}),
        train=TrainConfig(**(train | settings)),
    )


def search(folder, **settings) -> pc_darts_search.Model:
    return fit(
        config(**settings), toy_dataset(crop_seed=3), toy_dataset(20, seed=1, crop_seed=3), folder, seed=5
    )


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search of two epochs, and what each update got and moved: (epoch, utterances, moved weights, moved
    architecture).
    """
    folder, updates = tmp_path_factory.mktemp("search"), []
    update = Search._update

    def watched(self, batch, fixed):
        before = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        value = update(self, batch, fixed)
        moved = {name for name, p in self.model.named_parameters() if not torch.equal(p, before[name])}
        updates.append((self.state.epoch, set(batch.utts), moved))
        return value

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Search, "_update", watched)
        model = search(folder)
    return folder, model, updates


def of_architecture(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith(("alpha", "beta"))}


def test_weights_and_architecture_move_by_turns_on_their_own_halves(searched):
    _, model, updates = searched
    kinds = ["architecture" if of_architecture(moved) else "weights" for _, _, moved in updates]
    assert (
        kinds == ["weights"] * 3 + ["architecture", "weights"] * 3
    )  # 18 utterances a half, 6 at a time; the first epoch warms up
    utts = {"architecture": set(), "weights": set()}
    for kind, (_, batch, moved) in zip(kinds, updates, strict=True):
        assert len(batch) == 6 and len(moved) > 3
        assert moved == of_architecture(moved) if kind == "architecture" else not of_architecture(moved)
        utts[kind] |= batch
    assert not utts["architecture"] & utts["weights"]
    assert len(utts["architecture"]) == len(utts["weights"]) == 18
    named = dict(model.named_parameters())
    assert set().union(*(moved for *_, moved in updates)) == set(named)


def test_the_cells_found_make_a_network(searched):
    folder, model, _ = searched
    settings = yaml.safe_load((folder / GENOTYPE).read_text())["model"]
    assert {"name": "pc_darts", **model.genotype()} == settings
    assert models.build("audio", {**settings, "num_channels": 4}, 2).cells[0].states == [
        int(e.split()[1]) for e in settings["normal"]
    ]


def test_a_search_that_was_interrupted_ends_alike(searched, tmp_path, monkeypatch):
    folder, model, _ = searched
    learn, count = Search._learn, 0

    def interrupted(self, batch):
        nonlocal count
        count += 1
        if count == 5:
            raise KeyboardInterrupt
        return learn(self, batch)

    monkeypatch.setattr(Search, "_learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path)
    monkeypatch.undo()
    again = search(tmp_path).state_dict()
    assert all(torch.equal(again[name], value) for name, value in model.state_dict().items())
    assert (tmp_path / GENOTYPE).read_text() == (folder / GENOTYPE).read_text()


def test_cells_by_the_strongest_operations():
    model = pc_darts_search.Model(pc_darts_search.Config(num_channels=4), 2)
    with torch.no_grad():
        for parameter in model.architecture_parameters():
            parameter.zero_()
        alpha, beta = model.alpha["normal"], model.beta["normal"]
        alpha[0, model.names.index("none")] = 9.0  # loud, but no operation: the edge counts little
        alpha[1, model.names.index("dil_conv_3x3")] = 1.0
        alpha[3, model.names.index("skip_connect")] = 1.0
        beta[2:5] = torch.tensor([2.0, 0.0, 3.0])  # of the second node: state 2 before 0 before 1
    cells = model.genotype()
    assert cells["normal"][:4] == ["dil_conv_3x3 1", "max_pool_3x3 0", "max_pool_3x3 2", "max_pool_3x3 0"]
    assert cells["reduce"] == ["max_pool_3x3 0", "max_pool_3x3 1"] * 4
    weights = model.weights("normal")
    torch.testing.assert_close(
        torch.stack([part.sum() for part in weights.split([2, 3, 4, 5])]), torch.ones(4)
    )


def test_operations_that_are_left_out_are_in_no_cell():
    kept = ["max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5"]
    settings = load_system_config("pc_darts_search_undilated").model
    assert settings["leave_out"] == ["dil_conv_3x3", "dil_conv_5x5"]
    small = pc_darts_search.Config(num_channels=4, num_cells=3, num_nodes=2, leave_out=settings["leave_out"])
    model = pc_darts_search.Model(small, 2)
    assert model.names == ("none", *kept) and model.alpha["normal"].shape == (5, 6)
    assert all(len(mixture.operations) == 5 for cell in model.cells for mixture in cell.mixtures)
    with torch.no_grad():
        for alpha in model.alpha.values():
            alpha.zero_()
            alpha[:, -1] = 1.0  # the last that is left
    assert set(" ".join(sum(model.genotype().values(), [])).split()[::2]) == {"sep_conv_5x5"}
    x = torch.randn(2, 20, 24)
    assert model(Batch(["a", "b"], x, torch.tensor([24, 24]))).logits.shape == (2, 2)
    with pytest.raises(ConfigError, match="leave_out names 'dil_conv_7x7', did you mean 'dil_conv_"):
        pc_darts_search.Model(pc_darts_search.Config(leave_out=["dil_conv_7x7"]), 2)
    with pytest.raises(ConfigError, match="leaves no operation"):
        pc_darts_search.Model(pc_darts_search.Config(leave_out=list(pc_darts.OPERATIONS)), 2)


def test_the_cells_without_dilation_differ_from_the_published_ones_in_these_alone():
    cells = load_system_config("pc_darts_spec_undilated")
    plain = load_system_config("pc_darts_spec")
    for kind in ("normal", "reduce"):
        published = plain.model[kind]
        assert cells.model[kind] == [entry.replace("dil_", "sep_") for entry in published] != published
        assert not any("dil" in entry for entry in cells.model[kind])
    assert (cells.input, cells.train) == (plain.input, plain.train)


def test_size_and_channels():
    """408,874 weights by a plain transcription of the authors' network; every second channel has passed the
    operations by.
    """
    model = pc_darts_search.Model(pc_darts_search.Config(), 2)
    chosen = {id(p) for p in model.architecture_parameters()}
    assert sum(p.numel() for p in model.parameters() if id(p) not in chosen) == 408_874
    assert sum(p.numel() for p in model.architecture_parameters()) == 2 * 14 * 9
    x = torch.arange(6.0).view(1, 6, 1, 1)
    assert pc_darts_search.shuffle(x, 2).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    mixture = pc_darts_search.Mixture(3, 1, list(pc_darts.OPERATIONS)).eval()
    assert mixture(x, torch.full((8,), 1 / 8))[0, 3:].flatten().tolist() == pytest.approx([3, 4, 5])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optim": OptimConfig(name="sgd")}, "adam or adamw"),
        ({"model": {"num_cells": 2}}, "at least 3"),
        ({"model": {"partial": 3}}, "cannot be cut into 3 parts"),
    ],
)
def test_bad_settings_are_refused(settings, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        search(tmp_path, **settings)
