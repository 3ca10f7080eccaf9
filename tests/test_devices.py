"""The device of a process, without any GPU: what torch would see is made up."""

import os
from types import SimpleNamespace

import pytest
import torch

from dada import devices
from dada.errors import ConfigError


@pytest.fixture
def gpus(monkeypatch):
    """Pretend that there are some GPUs, and that the command started with this environment."""

    def pretend(number, visible=None):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: number)
        monkeypatch.setattr(
            torch.cuda, "is_available", lambda: number > 0 and os.environ.get(devices.VISIBLE) != ""
        )
        monkeypatch.setattr(devices, "_AT_START", visible)
        monkeypatch.setenv(devices.VISIBLE, visible or "0,1,2,3")

    return pretend


@pytest.mark.parametrize(
    "name, visible, chosen",
    [
        ("cpu", None, ""),
        ("cuda", None, "0"),
        ("cuda:1", None, "1"),
        ("cuda", "3,2", "3"),
        ("cuda:1", "3,2", "2"),
        ("cuda:1", "GPU-aa,GPU-bb", "GPU-bb"),
    ],
)
def test_a_command_sees_the_gpu_that_it_names(gpus, monkeypatch, name, visible, chosen):
    monkeypatch.setattr(devices, "configure", lambda config: None)
    gpus(2, visible)
    assert devices.use(name).type == name.partition(":")[0]
    assert os.environ[devices.VISIBLE] == chosen
    assert devices.all_gpus().get(devices.VISIBLE) == visible


@pytest.mark.parametrize(
    "number, name, message",
    [
        (0, "cuda", "torch sees no GPU; --device cpu computes without"),
        (1, "cuda:1", "torch sees one GPU, cuda:0"),
        (4, "cuda:7", "torch sees cuda:0 to cuda:3"),
        (1, "gpu", "--device gpu: known are cpu, cuda"),
        (1, "cuda:", "known are"),
        (1, "cpu:0", "known are"),
    ],
)
def test_a_device_that_is_not_there_is_named(gpus, number, name, message):
    gpus(number)
    with pytest.raises(ConfigError, match=message):
        devices.use(name)


def test_more_gpus_than_there_are_are_refused(gpus):
    gpus(1)
    devices.require_gpus(1)
    with pytest.raises(ConfigError, match="--ngpu 2: torch sees 1 GPU here"):
        devices.require_gpus(2)


@pytest.mark.parametrize("tf32", [False, True])
def test_how_gpus_compute_is_set_in_one_place(gpus, monkeypatch, tf32):
    """And on a CPU nothing is set, so that its results stay."""
    backends = SimpleNamespace(cuda=SimpleNamespace(matmul=SimpleNamespace()), cudnn=SimpleNamespace())
    monkeypatch.setattr(torch, "backends", backends)
    chosen = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda on, warn_only: chosen.append(on))
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    gpus(0)
    devices.configure(devices.DeviceConfig(tf32=tf32))
    assert not chosen and not vars(backends.cudnn)
    gpus(1)
    devices.configure(devices.DeviceConfig(tf32=tf32))
    assert chosen == [True] and backends.cuda.matmul.allow_tf32 == tf32
    assert vars(backends.cudnn) == {"allow_tf32": tf32, "benchmark": False, "deterministic": True}


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError, match="devices.cudnn_benchmark .* set devices.deterministic: false"):
        devices.DeviceConfig(cudnn_benchmark=True)
