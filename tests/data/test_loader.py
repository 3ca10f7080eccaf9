"""Batches on their way to a device: the same for any number of loader processes, errors as they were."""

import os
import signal

import numpy as np
import pytest
import torch

from dada.data.dataset import Dataset
from dada.data.loader import Loader, workers_for
from dada.data.sampling import Shuffle, Triplets
from dada.errors import DadaError, DataError

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def dataset(arrays: dict | None = None) -> Dataset:
    rng = np.random.default_rng(0)
    arrays = arrays or {f"u{i}": rng.standard_normal(40 + i).astype(np.float32) for i in range(10)}
    return Dataset(arrays, list(arrays), torch.arange(10) % 2, size=20, rule="crop", crop_seed=7)


def epochs(num_workers: int) -> list[list[tuple]]:
    """Two epochs from the same processes, with an augmentation that shows the draws."""
    sampler = Shuffle(10, 3, seed=1)

    def augment(batch, draws):
        batch.inputs[:, -1] = torch.tensor([float(draw.epoch) for draw in draws])
        return batch

    loader, seen = Loader(dataset(), sampler, CPU, num_workers, augment), []
    for epoch in (0, 1):
        sampler.set_epoch(epoch, start=epoch)
        seen.append([(batch.utts, batch.inputs.tolist(), batch.labels.tolist()) for batch in loader])
    return seen


def test_processes_never_show_and_get_each_epoch():
    alone = epochs(0)
    assert [len(batches) for batches in alone] == [3, 2]  # the second starts behind its first batch
    assert all(row[-1] == epoch for epoch in (0, 1) for _, rows, _ in alone[epoch] for row in rows)
    first, second = (
        {utt: row[:-1] for utts, rows, _ in batches for utt, row in zip(utts, rows, strict=True)}
        for batches in alone
    )
    assert any(first[utt] != row for utt, row in second.items())  # stretches are cut anew
    assert epochs(1) == alone and epochs(2) == alone


def test_each_occurrence_in_an_epoch_is_a_draw_of_its_own():
    whole = Triplets(["a", "a", "a", "b", "b", "b"], 2, seed=1)
    draws = [draw for batch in whole.draws() for draw in batch]
    assert len(draws) == 18 and len(set(draws)) == 18 and max(draw.occurrence for draw in draws) > 1
    halves = [Triplets(["a", "a", "a", "b", "b", "b"], 2, seed=1, rank=rank, world=2) for rank in (0, 1)]
    assert {draw for part in halves for batch in part.draws() for draw in batch} == set(draws)
    whole.set_epoch(0, start=2)
    assert [draw for batch in whole.draws() for draw in batch] == draws[12:]


class Damaged(dict):
    """An array that cannot be read."""

    def __getitem__(self, utt: str) -> np.ndarray:
        if utt == "u4":
            raise DataError("utterance u4: u4.flac is damaged: copy it again")
        return super().__getitem__(utt)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_error_of_a_process_is_raised_as_it_is(num_workers):
    arrays = Damaged((f"u{i}", np.zeros(30, dtype=np.float32)) for i in range(10))
    with pytest.raises(DataError) as caught:
        list(Loader(dataset(arrays), [[0, 1], [3, 4]], CPU, num_workers))
    assert str(caught.value) == "utterance u4: u4.flac is damaged: copy it again"


def test_a_killed_process_is_named():
    parent = os.getpid()

    def augment(batch, draws):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    with pytest.raises(DadaError, match="a loader process was killed, often for want of memory: free"):
        list(Loader(dataset(), [[0, 1]], CPU, 1, augment))


def test_how_many_processes(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert [workers_for(CPU), workers_for(GPU), workers_for(GPU, 3), workers_for(CPU, 2)] == [0, 8, 3, 2]
    assert [workers_for(GPU, None, num) for num in (1, 9, 99)] == [0, 2, 8] and workers_for(GPU, 3, 1) == 3
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")  # processes of this machine, one GPU each
    assert workers_for(GPU) == 3
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "16")
    assert workers_for(GPU) == 1


def test_a_forked_reader_opens_the_ark_itself(tmp_path):
    """The parent and its child would otherwise move one position in one file."""
    from dada.data import ArkReader, write_ark

    write_ark(tmp_path / "x.scp", ((f"u{i}", np.full((3, 2), i)) for i in range(3)))
    reader = ArkReader(tmp_path / "x.scp")
    assert reader["u1"][0, 0] == 1
    (file,) = reader._files.values()
    place = os.lseek(file.fileno(), 0, os.SEEK_CUR)
    child = os.fork()
    if not child:
        os._exit(int(reader["u0"][0, 0]) + int(reader["u2"][0, 0]))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == place
