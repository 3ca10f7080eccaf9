"""One of several augmentations for each clip, beside the clip as it was."""

from pathlib import Path

import pytest
import torch

from dada.augment import Chain
from dada.data.batch import Batch
from dada.data.sampling import Draw
from dada.errors import ConfigError
from dada.experiment.config import TrainConfig
from dada.recipe.config import load_system_config
from dada.train.phases import phases_of

CHUNK = {"name": "drop_chunks", "num": [1, 1], "size": [10, 10]}
SOFT = {"name": "noise", "snr": [40.0, 40.0]}


def ones(num: int) -> Batch:
    labels = torch.arange(num) % 2
    return Batch(
        [f"u{i}" for i in range(num)],
        torch.ones(num, 200),
        torch.full((num,), 200),
        labels,
        [f"s{i}" for i in range(num)],
    )


def draws(num: int) -> list[Draw]:
    return [Draw(i) for i in range(num)]


def augmented(batch: Batch, **settings) -> Batch:
    return Chain([{"name": "one_of", **settings}], "waveform", 2, 1)(batch, draws(len(batch)))


def test_each_clip_gets_the_whole_of_one_choice():
    batch = ones(600)
    result = augmented(batch, choices=[[CHUNK], [CHUNK, SOFT]])
    alone = (result.inputs == 0).sum(1) == 10
    noisy = (result.inputs != 0).all(1) & (
        (result.inputs.abs() < 0.6).sum(1) == 10
    )  # ten zeros, and noise on them
    assert torch.equal(alone, ~noisy) and 250 < int(alone.sum()) < 350
    assert result.utts == batch.utts and torch.equal(result.labels, batch.labels)


def test_the_clips_as_they_were_come_first():
    batch = ones(6)
    result = augmented(batch, choices=[[CHUNK]], keep_original=True)
    assert torch.equal(result.inputs[:6], batch.inputs) and ((result.inputs[6:] == 0).sum(1) == 10).all()
    assert torch.equal(result.labels, batch.labels.repeat(2)) and torch.equal(
        result.lengths, batch.lengths.repeat(2)
    )
    assert result.utts == batch.utts * 2 and result.speakers == batch.speakers * 2
    unlabelled = augmented(
        Batch(["a"], torch.ones(1, 200), torch.tensor([200])), choices=[[CHUNK]], keep_original=True
    )
    assert unlabelled.labels is None and unlabelled.speakers == [] and len(unlabelled.inputs) == 2


def test_what_is_mixed_before_keeps_its_shares():
    chain = Chain(
        [{"name": "mixup"}, {"name": "one_of", "choices": [[CHUNK]], "keep_original": True}], "waveform", 2, 1
    )
    assert chain(ones(6), draws(6)).labels.shape == (12, 2)


def test_choices_are_checked_and_completed_with_the_configuration(tmp_path: Path):
    (first, second, third) = load_system_config("slim_finetuned").train.phases[1]["augment"][0]["choices"]
    assert (
        first[0]["colour"] == "white"
        and second[0]["rt60"] == [0.15, 0.6]
        and [entry["name"] for entry in third][1] == "drop_chunks"
    )
    (tmp_path / "conf").mkdir()
    bad = (
        "train: {augment: [{name: one_of, choices: [[{name: noise}, {name: roms}], [{name: ffm}], "
        "[{name: noise, sn: 3}]]}]}\n"
    )
    (tmp_path / "conf" / "slim_finetuned.yaml").write_text(bad)
    with pytest.raises(ConfigError) as caught:
        load_system_config("slim_finetuned", tmp_path)
    said = str(caught.value)
    assert "train.augment[0].choices[0][1]: unknown augmentation 'roms', did you mean 'rooms'" in said
    assert "choices[1][0]: augmentation ffm works on features, but input.kind is waveform" in said
    assert "unknown key 'train.augment[0].choices[2][0].sn'" in said


def test_a_batch_of_triplets_is_not_doubled():
    settings = {"name": "one_of", "choices": [[CHUNK]], "keep_original": True}
    train = TrainConfig(sampler="triplets", loss={"name": "triplet"}, augment=[settings])
    train.early_stop.metric = "abx"
    with pytest.raises(ConfigError, match="keep_original doubles a batch"):
        phases_of(train)
