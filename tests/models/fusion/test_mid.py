"""Mid fusion: its size, its order of inputs, and that it learns."""

import pytest
import torch

from dada.data import Batch
from dada.models.fusion import mid
from dada.models.fusion._branches import Branches


def batch_of(x, labels=None):
    return Batch([str(i) for i in range(len(x))], x, torch.full((len(x),), x.shape[1]), labels)


@pytest.mark.parametrize(("text_size", "count"), [(1024, 788_481), (512, 526_337)])
def test_parameter_counts_of_the_sheet(text_size, count):
    model = mid.Model(mid.Config(text_size=text_size))
    assert sum(p.numel() for p in model.parameters()) == count


def test_cross_entropy_of_the_logits_is_the_bce_of_the_score():
    model = mid.Model(mid.Config(audio_size=4, text_size=3)).eval()
    labels = torch.tensor([0, 1, 1, 0])
    logits = model(batch_of(torch.randn(4, 7))).logits
    bce = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], labels.float())
    torch.testing.assert_close(torch.nn.functional.cross_entropy(logits, labels), bce)


def test_speaker_evidence_is_two_more_inputs_and_zero_for_strangers():
    posterior = torch.tensor([[0.7, 0.3], [0.7, 0.3]], dtype=torch.float64)
    branches = Branches(
        ["a", "b"],
        torch.zeros(2),
        torch.ones(2, 4),
        posterior.log(),
        torch.zeros(2, 3),
        ["ann", "zoe"],
        ["ann", "bob"],
    )
    config = mid.Config(audio_size=4, text_size=3, speaker_evidence=True, prior=[0.5, 0.5])
    x = mid.inputs(config, branches)
    assert x.shape == (2, 9) and x.dtype == torch.float32
    torch.testing.assert_close(x[0, 7:], torch.tensor([0.7 / 0.3, 0.7 / 0.5]).log())
    assert x[1, 7:].tolist() == [0, 0]
    assert mid.inputs(mid.Config(), branches).shape == (2, 7)
    assert mid.needs_speaker(config) and not mid.needs_speaker(mid.Config())


@pytest.mark.parametrize("project", [False, True])
def test_it_learns_an_exclusive_or_of_the_branches(project):
    torch.manual_seed(0)
    audio, text = torch.randint(0, 2, (2, 64))
    x = torch.cat(
        [torch.nn.functional.one_hot(audio, 4), torch.nn.functional.one_hot(text, 3)], dim=1
    ).float()
    labels = audio ^ text
    model = mid.Model(mid.Config(audio_size=4, text_size=3, project=project, hidden=[32, 16]))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(batch_of(x)).logits, labels).backward()
        optimiser.step()
    assert (model.eval()(batch_of(x)).logits.argmax(1) == labels).all()
