"""Time and memory of the networks on speech encoders, without the encoder, beside AASIST.

    OMP_NUM_THREADS=1 python benchmarks/ssl_backends.py
    OMP_NUM_THREADS=1 python benchmarks/ssl_backends.py --scan
    python benchmarks/ssl_backends.py --device cuda

Published sizes, on random states of an encoder of 1,024 features and of clips of 4 s, or of Whisper's 30 s.
Prints clips a second of the processor's time (on a GPU of the clock), forward and in training steps of
`--batch_size` clips, and the largest memory of a process that does such a step beyond that of one that has
loaded torch. `--scan` times a training step of XLSR-Mamba with its scan in chunks, and with one step after
the other, at batches of 1 and 20, and compares the gradients.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from timing import HEAD, medians, row
from torch import Tensor, nn

from dada import plugins
from dada.data.batch import Batch
from dada.models.audio import _mamba, aasist
from dada.storage.allocator import keep_memory

BACKENDS = {  # states and features of each, frames of a clip, settings
    "sls": (24, 1024, 201, {}),
    "nes2net": (1, 1024, 201, {}),
    "conformer": (1, 1024, 208, {}),
    "tcm_conformer": (1, 1024, 208, {}),
    "xlsr_mamba": (1, 1024, 208, {}),
    "ssl_aasist": (1, 1024, 201, {}),
    "mhfa": (25, 1024, 201, {}),
    "weighted_linear": (25, 1024, 201, {}),
    "pooled_linear": (1, 1024, 201, {}),
    "whisper_lcnn": (1, 384, 1500, {}),
    "whisper_mesonet": (1, 384, 1500, {}),
    "whisper_specrnet": (1, 384, 1500, {}),
}
NUM_SAMPLES = 64_600


def built(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    """A network of published size and the shape of an input."""
    torch.manual_seed(0)
    if name == "aasist":
        return aasist.Model(aasist.Config(), 2), (NUM_SAMPLES,)
    states, width, frames, settings = BACKENDS[name]
    module = plugins.load("dada.models.audio", name, "audio model")
    return module.Model(module.Config(**settings), 2), (states * width, frames)


def works(name: str, batch_size: int, device: str) -> tuple[int, list]:
    """The number of parameters, and a forward pass and a training step of a batch."""
    model, shape = built(name)
    model.to(device)
    inputs = torch.randn(batch_size, *shape, device=device)
    batch = Batch([f"u{i}" for i in range(batch_size)], inputs, torch.full((batch_size,), shape[-1]))

    def forward() -> None:
        model.eval()
        with torch.inference_mode():
            model(batch).logits.sum().item()

    def train() -> None:
        model.train().zero_grad()
        model(batch).logits.square().sum().backward()
        sum(float(p.grad.sum()) for p in list(model.parameters())[:1] if p.grad is not None)

    return sum(p.numel() for p in model.parameters()), [forward, train]


def measure(name: str, batch_size: int, device: str, repetitions: int) -> dict[str, float]:
    """Clips a second, and the largest memory in GB."""
    torch.set_num_threads(1)
    keep_memory()  # as in every training and scoring process
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    num_parameters, (forward, train) = works(name, batch_size, device)
    if device == "cpu":
        times = medians([forward, train], repetitions)
    else:
        times = []
        for work in (forward, train):
            work()
            start = time.perf_counter()
            for _ in range(repetitions):
                work()
            times.append(1000 * (time.perf_counter() - start) / repetitions)
    memory = (
        (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        if device == "cpu"
        else torch.cuda.max_memory_allocated()
    )
    rates = [1000 * batch_size / milliseconds for milliseconds in times]
    return {"parameters": num_parameters, "forward": rates[0], "training": rates[1], "memory": memory / 1e9}


def step_by_step(u: Tensor, step: Tensor, decay: Tensor, into: Tensor, out: Tensor) -> Tensor:
    """The recurrence of dada.models.audio._mamba, one step after the other."""
    state, outputs = u.new_zeros(len(u), u.shape[2], decay.shape[1]), []
    for t in range(u.shape[1]):
        new = (step[:, t] * u[:, t])[..., None] * into[:, t, None]
        state = (step[:, t, :, None] * decay).exp() * state + new
        outputs.append((state * out[:, t, None]).sum(-1))
    return torch.stack(outputs, 1)


def compare_scans(repetitions: int) -> None:
    """Print how much faster the chunks are."""
    torch.set_num_threads(1)
    keep_memory()
    print(HEAD)
    chunked = _mamba.scan
    for batch_size in (1, 20):
        model, shape = built("xlsr_mamba")
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        lengths = torch.full((batch_size,), shape[-1])
        batch = Batch([str(i) for i in range(batch_size)], torch.randn(batch_size, *shape), lengths)
        gradients: dict[str, Tensor] = {}

        def step(scan, name, model=model, batch=batch, gradients=gradients) -> None:
            _mamba.scan = scan
            model.train().zero_grad()
            model(batch).logits.square().sum().backward()
            gradients[name] = model.columns["forwards"][0].mixer.enter.weight.grad.clone()

        both = [lambda: step(step_by_step, "steps"), lambda: step(chunked, "chunks")]
        reference, ours = medians(both, repetitions)
        difference = float((gradients["steps"] - gradients["chunks"]).norm() / gradients["steps"].norm())
        row(f"xlsr_mamba, training step of {batch_size}", reference, ours, f"gradients {difference:.1e}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--systems", nargs="+", default=["aasist", *BACKENDS])
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scan", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.scan:
        compare_scans(args.repetitions)
        return
    if args.one:
        print(json.dumps(measure(args.systems[0], args.batch_size, args.device, args.repetitions)))
        return
    print(
        "| network | parameters | forward, clips/s | training, clips/s | memory, GB |\n"
        "|---|---:|---:|---:|---:|"
    )
    for name in args.systems:  # each in a process of its own, whose memory is its own
        numbers = (args.batch_size, args.repetitions)
        options = [f"--{key}={n}" for key, n in zip(("batch_size", "repetitions"), numbers, strict=True)]
        command = [sys.executable, __file__, "--one", "--systems", name, "--device", args.device, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        rates = " | ".join(f"{found[key]:.3g}" for key in ("forward", "training", "memory"))
        print(f"| `{name}` | {found['parameters']:,} | {rates} |", flush=True)


if __name__ == "__main__":
    main()
