"""Training in two processes that torchrun starts: losses and weights of one process, and a killed run that
ends the same.

The processes run this file as a program: `test_processes.py FOLDER [CHECKPOINT]`, where the main process
ends by SIGKILL right after that checkpoint.
"""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
from toy import TRIPLETS, toy_config, toy_dataset

from dada import models
from dada.data.batch import Batch
from dada.data.dataset import restrict
from dada.models import Output
from dada.models.inference import make_batches, run_model
from dada.train import checkpoint, update
from dada.train.fit import fit
from dada.train.processes import run_shared, split_evenly, whole_batch

FILE = Path(__file__).resolve()
COLUMNS = ("train_loss", "dev_loss", "dev_metric")
KILLED_AFTER = 10  # checkpoints: inside the second phase


def exact_config():
    """Phases in which no batch statistics and no random draw depend on the number of processes."""
    layers = ["head.1", "head.3"]  # head.0 is batch normalisation; frozen, it keeps its statistics
    head = {"epochs": 2, "loss": {"name": "bce", "class_weights": [1.0, 3.0]}, "trainable": layers}
    body = {"trainable": ["compression", "pooling"], **TRIPLETS}
    terms = [{"name": "bce"}, {"name": "supervised_contrastive"}]
    both = {
        "trainable": ["compression", "pooling", *layers],
        "loss": {"name": "weighted_sum", "terms": terms},
    }
    both |= {"sam": {"rho": 0.1}}
    phases = [
        {"epochs": 2, "loss": {"name": "triplet"}, **body},
        {"epochs": 2, "loss": {"name": "adaptive_triplet", "auto": "dada"}, **body},
        {"epochs": 1, "loss": {"name": "adaptive_triplet", "auto": "official"}, "accumulate": 2, **body},
        head | {"accumulate": 3} | {"optim": {"lr": 0.01}, "schedule": {"name": "cosine", "per": "step"}},
        head | {"sampler": "balanced", "max_batches": 3, "early_stop": {"metric": "loss"}} | both,
    ]
    config = toy_config(phases=phases, checkpoint_steps=1)
    config.model |= {"norm": "none", "dropout": 0.0}
    return config


def train(config, folder: Path) -> torch.nn.Module:
    """Train on 35 utterances of different lengths: the last batch of an epoch does not divide by two."""
    return fit(config, toy_dataset(35, crop_seed=3), toy_dataset(20, seed=1), folder, seed=5)


def statistics_config():
    """Batch normalisation and augmentation: a phase that does not use the head, and two with averaged
    weights.
    """
    # Adam would turn rounding errors into steps of the bias before a BatchNorm, whose gradient is zero.
    sgd = {"optim": {"name": "sgd", "lr": 0.05}}
    head = {"epochs": 2, "loss": {"name": "bce"}, "keep": "swa", "drop_last": True, **sgd}
    body = {"epochs": 1, "loss": {"name": "triplet"}, **TRIPLETS, **sgd}
    mask = {"name": "specaugment", "num_bands": 1, "band_width": 4, "num_stretches": 1, "stretch_width": 3}
    mean = {"epochs": 2, "loss": {"name": "bce"}, "average": {"name": "ema", "decay": 0.9}, **sgd}
    config = toy_config(phases=[body, head, mean], augment=[mask])
    config.model |= {"dropout": 0.0}
    return config


def shared_outputs(model: torch.nn.Module) -> dict[str, object]:
    """The outputs for dev by `run_shared`, and how many utterances this process computed."""
    computed = []
    hook = model.register_forward_pre_hook(lambda _, inputs: computed.append(len(inputs[0])))
    outputs = run_shared(model, toy_dataset(20, seed=1), 4)
    hook.remove()
    return {"logits": outputs.logits, "embeddings": outputs.embeddings, "computed": sum(computed)}


def gathered_groups() -> torch.Tensor:
    """The groups of a batch of five that lie in two processes."""
    mine = torch.arange(5)[int(os.environ["RANK"]) :: 2]
    rows = mine[:, None].float()
    batch = Batch([], rows, torch.zeros(0), mine, domains=mine, groups=mine)
    _, whole = whole_batch(Output(rows, rows), batch, [3, 2])
    return torch.stack([whole.labels, whole.domains, whole.groups])


def main(folder: Path, kill_after: int) -> None:
    """Train in each process: up to a kill, or from it to the end, and then the same once more and
    undisturbed.
    """
    save, count = checkpoint.save, iter(range(1, 1000))

    def save_and_kill(*args):
        save(*args)
        if next(count) == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    with mock.patch.object(checkpoint, "save", save_and_kill):
        train(exact_config(), folder / "killed")
    train(exact_config(), folder / "whole")
    with mock.patch.object(update, "exchanging", wraps=update.exchanging) as connected:
        outputs = shared_outputs(train(statistics_config(), folder / "statistics"))
    outputs["groups"] = gathered_groups()
    outputs["unused"] = [call.args[2] for call in connected.call_args_list]
    torch.save(outputs, folder / f"outputs_{os.environ['RANK']}.pt")


def in_two_processes(*arguments: str) -> subprocess.CompletedProcess:
    """Start this file as `dada.recipe.worker` starts a training."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    paths = os.pathsep.join([str(FILE.parents[2]), str(FILE.parent)])
    env = {**os.environ, "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*torchrun, str(FILE), *arguments], env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """The folder with a run in one process and the runs in two."""
    folder = tmp_path_factory.mktemp("processes")
    train(exact_config(), folder / "alone")
    train(statistics_config(), folder / "statistics_alone")
    killed = in_two_processes(str(folder), str(KILLED_AFTER))
    assert killed.returncode != 0 and not (folder / "killed" / "weights.pt").exists(), killed.stderr
    resumed = in_two_processes(str(folder))
    assert resumed.returncode == 0, resumed.stderr
    return folder


def table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "weights.pt")


def test_losses_are_those_of_one_process(runs):
    """Batches, sums over a batch, learning rates and margins: a batch has `batch_size` utterances in all."""
    alone, shared = table(runs / "alone"), table(runs / "whole")
    assert len(alone) == len(shared) == 9
    for row, other in zip(alone, shared, strict=True):
        assert (row["phase"], row["loss"], row["epoch"]) == (other["phase"], other["loss"], other["epoch"])
        for column in (*COLUMNS, "lr", *(name for name in ("margin", "beta") if row[name])):
            assert float(other[column]) == pytest.approx(float(row[column]), abs=1e-5), column
    for name, value in weights(runs / "alone").items():
        torch.testing.assert_close(weights(runs / "whole")[name], value, rtol=0, atol=1e-5)


def test_a_killed_run_ends_with_the_same_weights(runs):
    killed, whole = weights(runs / "killed"), weights(runs / "whole")
    assert all(torch.equal(killed[name], value) for name, value in whole.items())
    assert [row["train_loss"] for row in table(runs / "killed")] == [
        row["train_loss"] for row in table(runs / "whole")
    ]


def test_batch_statistics_and_augmentation_are_those_of_one_process(runs):
    """Also the statistics of averaged weights, which the processes share."""
    alone, shared = table(runs / "statistics_alone"), table(runs / "statistics")
    assert len(alone) == len(shared) == 5
    for row, other in zip(alone, shared, strict=True):
        for column in COLUMNS:
            assert float(other[column]) == pytest.approx(float(row[column]), abs=1e-5), column
    ours = weights(runs / "statistics")
    assert any("running_mean" in name for name in ours)
    for name, value in weights(runs / "statistics_alone").items():
        torch.testing.assert_close(ours[name], value, rtol=0, atol=1e-5)


def test_parameters_without_a_gradient_are_found(runs):
    """A loss on embeddings does not depend on the head. Nobody has to look for them in every update."""
    for rank in (0, 1):
        triplets, head, mean = torch.load(runs / f"outputs_{rank}.pt")["unused"]
        names = [name for name, _ in models.build("audio", statistics_config().model, 2).named_parameters()]
        assert triplets == [name for name in names if name.startswith("head")] and head == mean == []


def test_numbers_of_rows_are_gathered_in_order(runs):
    for rank in (0, 1):
        groups = torch.load(runs / f"outputs_{rank}.pt")["groups"]
        assert torch.equal(groups, torch.arange(5).expand(3, 5))


def test_dev_is_computed_once_between_the_processes(runs):
    first, second = (torch.load(runs / f"outputs_{rank}.pt") for rank in (0, 1))
    assert first["computed"] + second["computed"] == 20 and min(first["computed"], second["computed"]) >= 8
    model = models.build("audio", statistics_config().model, 2)
    model.load_state_dict(weights(runs / "statistics"))
    expected = run_model(model, toy_dataset(20, seed=1), 4)
    for outputs in (first, second):
        assert torch.equal(outputs["logits"], expected.logits)
        assert torch.equal(outputs["embeddings"], expected.embeddings)


@pytest.mark.parametrize("num_parts", [2, 3, 5])
def test_parts_of_dev_make_the_same_batches(num_parts):
    whole = toy_dataset(20, seed=1)
    whole.batch_steps = 35  # some batches end before they have four utterances
    batches = make_batches(whole, 4)
    parts = split_evenly(batches, whole.lengths, num_parts)
    again = [[part[i] for i in b] for part in parts for b in make_batches(restrict(whole, part), 4)]
    assert again == batches and all(parts) and len(parts) == num_parts
    equal = split_evenly([[i] for i in range(11)], None, num_parts)
    assert max(map(len, equal)) - min(map(len, equal)) <= 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
