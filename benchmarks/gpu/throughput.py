"""Clips a second of networks alone, inputs on the device, beside the floors."""

import torch
from gradients import example_of
from torch import nn

from dada import models
from gpu.common import NUM_SAMPLES, Row, Setup, floor, noise, precision, published, seconds_of, training_step
from gpu.encoders import write_xls_r_300m

BATCH = 128
# System, precision: floors of forward and training on an H100, and whether the batch is 24.
FLOORS = {
    ("aasist", "float32"): (1_100, 450),
    ("aasist", "bf16"): (2_200, 900),
    ("lfcc_lcnn", "float32"): (5_000, 5_000),
    ("w2v2_aasist", "bf16"): (1_500, 800),
}
SHAPES = {"aasist": (NUM_SAMPLES,), "lfcc_lcnn": (60, 400), "w2v2_aasist": (NUM_SAMPLES,)}


def rows(setup: Setup) -> list[Row]:
    """Forward in evaluation mode, and a step of training with Adam."""
    if setup.small:
        model, _ = example_of("lcnn")
        return of_network(setup, "lcnn", "float32", model, (20, 50), (0, 0))
    found = []
    for (name, kind), floors in FLOORS.items():
        model = w2v2_aasist(setup) if name == "w2v2_aasist" else published(name)
        found += of_network(setup, name, kind, model, SHAPES[name], floors)
        del model
        if setup.on_gpu:
            torch.cuda.empty_cache()
    return found


def of_network(
    setup: Setup, name: str, kind: str, model: nn.Module, shape: tuple[int, ...], floors: tuple[int, int]
) -> list[Row]:
    """Clips a second of one network in one precision."""
    size = 4 if setup.small else BATCH
    model, batch = model.to(setup.device).eval(), noise(setup, size, *shape)
    with precision(setup, kind):
        with torch.inference_mode():
            forward = size / seconds_of(setup, lambda: model(batch))
        training = size / seconds_of(setup, training_step(model, batch))
    return [
        floor(setup, f"{name} {kind}, batch {size}: {what}", rate, least)
        for what, rate, least in zip(("forward", "training"), (forward, training), floors, strict=True)
    ]


def w2v2_aasist(setup: Setup) -> nn.Module:
    """The network with XLS-R of 300 M parameters, 24 layers of which 12 are tuned, with random weights."""
    folder = write_xls_r_300m(setup.folder / "xls_r_300m")
    settings = {"name": "w2v2_aasist", "encoder": str(folder), "layers": [-1], "tuned_layers": 12}
    return models.build("audio", settings, 2)
