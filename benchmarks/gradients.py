"""Gradients of every audio network in float32 on a device, beside those in float64 on the CPU.

    python benchmarks/gradients.py --device cuda --systems pc_darts aasist

Each network is the small one that its file gives as an example, in evaluation mode, with fresh weights. For
every parameter: the norm of the difference, relative to the norm of the exact gradient. TF32 must be off for
a comparison of float32; the program turns it off. Prints the largest error of each network, and whose it is;
networks that learn without gradients are left out.
"""

import argparse
import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from dada import plugins
from dada.data.batch import Batch

PACKAGE = "dada.models.audio"
SIZE = 4  # clips
# A gradient whose norm is smaller than this share of the norm of all is rounding, and compared with that.
NEGLIGIBLE = 1e-6


def example_of(name: str) -> tuple[nn.Module, Batch]:
    """The example of a network with fresh weights, and a batch of noise for it."""
    module = plugins.load(PACKAGE, name, "audio model")
    config, shape = module.example()
    torch.manual_seed(1)
    model = module.Model(config, 2)
    inputs = torch.randn(SIZE, *shape, generator=torch.Generator().manual_seed(2))
    lengths, labels = torch.full((SIZE,), shape[-1]), torch.arange(SIZE) % 2
    return model, Batch([f"u{i}" for i in range(SIZE)], inputs, lengths, labels)


def gradients(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """The gradient of each parameter that learns, of a weighted sum of the logits, in float64 on the CPU.

    The model is in evaluation mode but for recurrent layers, whose backward pass cuDNN computes in training
    mode alone.
    """
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            module.train()
    model.zero_grad(set_to_none=True)
    logits = model(batch).logits
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(3)).to(logits)
    (logits * weights).sum().backward()
    return {
        name: parameter.grad.double().cpu()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def gradient_errors(model: nn.Module, batch: Batch, device: torch.device | str) -> dict[str, float]:
    """How far each parameter's gradient in float32 on `device` is from that in float64 on the CPU, relative
    to the norm of the latter; empty for a model without parameters that learn.

    `model` and `batch` are in float32 and stay as they are. The caller decides about TF32.
    """
    if not any(parameter.requires_grad for parameter in model.parameters()):
        return {}
    exact = gradients(copy.deepcopy(model).cpu().double(), replace(batch, inputs=batch.inputs.double()))
    found = gradients(copy.deepcopy(model).to(device), batch.to(device))
    least = NEGLIGIBLE * float(torch.stack([value.norm() for value in exact.values()]).norm())
    return {
        name: float((found[name] - value).norm()) / max(float(value.norm()), least)
        for name, value in exact.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    names = plugins.names(PACKAGE)
    parser.add_argument("--systems", nargs="+", default=names, choices=names)
    args = parser.parse_args()
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    print(f"{'network':20} {'largest error':>13}  of")
    for name in args.systems:
        errors = gradient_errors(*example_of(name), args.device)
        if errors:
            worst = max(errors, key=errors.__getitem__)
            print(f"{name:20} {errors[worst]:13.1e}  {worst}", flush=True)


if __name__ == "__main__":
    main()
