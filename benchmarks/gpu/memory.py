"""Peak memory of a network: the tensors that the device holds at once, its own and its input among them."""

import resource
from collections.abc import Callable

import torch
from gradients import example_of

from gpu.common import NUM_SAMPLES, Row, Setup, at_most, noise, published, training_step

MOST_TRAINING = 5.0  # GB, AASIST with batches of 24 in float32


def rows(setup: Setup) -> list[Row]:
    """Gigabytes (1e9) of a forward pass and of a training step; on a CPU, of the whole process so far."""
    model = (example_of("lcnn")[0] if setup.small else published("aasist")).to(setup.device)
    batch = noise(setup, 4, 20, 50) if setup.small else noise(setup, 24, NUM_SAMPLES)
    forward = peak(setup, lambda: run(model, batch))
    training = peak(setup, training_step(model, batch))
    if not setup.on_gpu:
        return [Row("the process", training, "GB")]
    return [
        Row("aasist, forward, batch 24", forward, "GB"),
        at_most("aasist, training, batch 24", training, MOST_TRAINING, "GB"),
    ]


def run(model: torch.nn.Module, batch: object) -> None:
    """A forward pass in evaluation mode."""
    with torch.inference_mode():
        model.eval()(batch)


def peak(setup: Setup, work: Callable[[], object]) -> float:
    """The most memory during the second of two calls: the first allocates the optimiser's state."""
    work()
    if not setup.on_gpu:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    torch.cuda.reset_peak_memory_stats(setup.device)
    work()
    torch.cuda.synchronize(setup.device)
    return torch.cuda.max_memory_allocated(setup.device) / 1e9
