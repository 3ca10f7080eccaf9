"""Kernels of a batch, and how often a training step makes the host wait for the GPU, as the profiler sees
them.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from gradients import example_of
from torch.profiler import ProfilerActivity, profile

from gpu.common import NUM_SAMPLES, Row, Setup, at_most, in_memory, noise, published
from gpu.system import system, train

LAUNCHES = ("cudaLaunchKernel", "cudaLaunchKernelExC", "cuLaunchKernel", "cuLaunchKernelEx")
WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize")
READS = "aten::_local_scalar_dense"  # a value read by the host: on a CPU, where nothing waits for it
MOST_KERNELS, MOST_WAITS = 600, 1
STEPS, SMALL_STEPS = (3, 7), (1, 2)  # of two trainings, whose difference is that of their steps alone


def rows(setup: Setup) -> list[Row]:
    """Kernels of a forward pass and of a training step, and waits of a step of the training loop."""
    model = example_of("lcnn")[0] if setup.small else published("aasist")
    model = model.to(setup.device).eval()
    batch = noise(setup, 4, 20, 50) if setup.small else noise(setup, 24, NUM_SAMPLES)
    with torch.inference_mode():
        model(batch)
        forward = counted(setup, lambda: model(batch))
    fewer, more = SMALL_STEPS if setup.small else STEPS
    first, second = (counted(setup, lambda n=n: run(setup, n)) for n in (fewer, more))
    step = {name: (second[name] - first[name]) / (more - fewer) for name in second | first}
    if not setup.on_gpu:
        operators = sum(count for name, count in forward.items() if name.startswith("aten::"))
        return [
            Row("forward: operators a batch", operators),
            Row("training: values read by the host a step", step.get(READS, 0.0)),
        ]
    return [
        at_most("aasist forward: kernels a batch of 24", total(forward, LAUNCHES), MOST_KERNELS),
        Row("aasist training: kernels a step of 24", total(step, LAUNCHES)),
        at_most("aasist training: waits of the host a step", total(step, WAITS), MOST_WAITS),
    ]


def run(setup: Setup, num_steps: int) -> None:
    """A training of one epoch of so many steps."""
    config = system(setup, epochs=1)
    size = config.input.num_samples
    data = in_memory(num_steps * config.train.batch_size, size), in_memory(4, size, seed=1)
    train(setup, config, *data, setup.folder / f"kernels_{num_steps}")


def counted(setup: Setup, work: Callable[[], Any]) -> Counter[str]:
    """How often each operator and each call of CUDA's runtime happens."""
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if setup.on_gpu else [])
    with profile(activities=activities) as profiler:
        work()
    return Counter(event.name for event in profiler.events())


def total(counts: dict[str, float], names: tuple[str, ...]) -> float:
    """The sum of some counts."""
    return sum(counts.get(name, 0) for name in names)
