"""DeepSHAP of dada.explain against shap's DeepExplainer and captum's DeepLiftShap: same weights, inputs and
backgrounds, alternating.

    pip install -e '.[bench]' && python benchmarks/explain.py --systems pc_darts lcnn
    python benchmarks/explain.py --memory res_tssdnet_2d

Both logits of one utterance against 20 backgrounds. Networks have fresh weights, and BatchNorm statistics
from a few batches. The other packages only know modules that are used once, so 2D-Res-TSSDNet has modules in
the place of functions for them (ReLU, max pool), whose logits are compared with ours first; a max-feature-map
has none. Prints medians of the processor's time, their ratio, and the completeness errors |sum of values -
(f(x) - mean f(b))| / |f(x) - mean f(b)|, the larger one of both logits; for a package that fails, why. All
that is free of the memory may be used.

`--memory` explains a 513 x 751 input in this process alone, and prints the largest memory it had.
"""

import argparse
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from timing import HEAD, row
from torch import Tensor, nn

from dada import models
from dada.data.batch import Batch
from dada.explain.attribution import attribute, completeness_error

# The least ratio of each piece of work, reference to ours.
CLAIMS = {
    "pc_darts, beside shap": 2.2,
    "pc_darts, beside captum": 1.8,
    "pc_darts_spec, beside shap": 4,
    "pc_darts_spec, beside captum": 4.4,
    "res_tssdnet_2d, beside shap": 4,
    "res_tssdnet_2d, beside captum": 2.6,
    "lcnn, beside shap": 2.4,
    "lcnn, beside captum": 2.3,
}
NUM_BACKGROUND = 20
SYSTEMS = {  # model, its input
    "pc_darts": ("pc_darts", (60, 251)),
    "pc_darts_spec": ("pc_darts", (513, 501)),
    "res_tssdnet_2d": ("res_tssdnet_2d", (161, 251)),
    "lcnn": ("lcnn", (60, 150)),
}
MEMORY_SHAPE = (513, 751)
SAME = 1e-5  # how far logits of the same network may lie apart


def as_batch(x: Tensor) -> Batch:
    return Batch([f"u{i}" for i in range(len(x))], x, torch.full((len(x),), x.shape[-1]))


class OnTensors(nn.Module):
    """A model as the other packages call it: inputs (B, F, N) to logits."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(as_batch(x)).logits


class ModularTSSDNet(nn.Module):
    """2D-Res-TSSDNet with a module for each ReLU and max pool, sharing the weights."""

    def __init__(self, ours: nn.Module):
        super().__init__()
        self.start = nn.Sequential(ours.conv, ours.norm)
        self.pools = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), nn.ReLU()) for _ in ours.blocks)
        self.blocks = ours.blocks
        self.relus = nn.ModuleList(nn.ModuleList(nn.ReLU() for _ in range(2)) for _ in ours.blocks)
        self.last = nn.ReLU()
        head = ours.head
        self.head = nn.Sequential(head.hidden1, nn.ReLU(), head.hidden2, nn.ReLU(), head.classify)

    def forward(self, x: Tensor) -> Tensor:
        x = self.start(x[:, None])
        for pool, block, (first, second) in zip(self.pools, self.blocks, self.relus, strict=True):
            x = pool(x)
            h = second(block.norm2(block.conv2(first(block.norm1(block.conv1(x))))))
            x = block.norm3(block.conv3(h) + block.shortcut(x))
        return self.head(self.last(x).mean((2, 3)))


def make(system: str, shape: tuple[int, int] | None = None) -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """Our model, the one for the other packages, an input (1, F, N) and backgrounds (20, F, N)."""
    name, own_shape = SYSTEMS[system]
    shape = shape or own_shape
    torch.manual_seed(1)
    model = models.build("audio", {"name": name}, 2)
    with torch.no_grad():
        for _ in range(3):
            model.train()(as_batch(torch.randn(2, *shape)))
    model.eval()
    x, background = 2 * torch.randn(1, *shape), torch.randn(NUM_BACKGROUND, *shape)
    return (
        model,
        ModularTSSDNet(model).eval() if name == "res_tssdnet_2d" else OnTensors(model),
        x,
        background,
    )


def ours(model: nn.Module, x: Tensor, background: Tensor) -> Tensor:
    """(1, 2, F, N)."""
    return attribute(model, as_batch(x), as_batch(background)).values


def by_shap(model: nn.Module, x: Tensor, background: Tensor) -> Tensor:
    import shap

    values = shap.DeepExplainer(model, background).shap_values(x, check_additivity=False)
    return torch.from_numpy(values).movedim(-1, 1)


def by_captum(model: nn.Module, x: Tensor, background: Tensor) -> Tensor:
    from captum.attr import DeepLiftShap

    return torch.stack(
        [DeepLiftShap(model).attribute(x, background, target=k).detach() for k in range(2)], dim=1
    )


def compare(system: str, repetitions: int) -> None:
    """Print a row for each package."""
    model, modular, x, background = make(system)
    check_same(model, modular, torch.cat([x, background[:2]]))
    work: dict[str, Callable[[], Tensor]] = {
        "dada": lambda: ours(model, x, background),
        "shap": lambda: by_shap(modular, x, background),
        "captum": lambda: by_captum(modular, x, background),
    }
    with torch.no_grad():
        output = model(as_batch(x)).logits
        base = (
            torch.cat([model(as_batch(one[None])).logits for one in background])
            .double()
            .mean(0, keepdim=True)
        )
    errors = {}
    for name, run in list(work.items()):
        try:
            errors[name] = float(completeness_error(run(), base, output).max())  # this also warms up
        except Exception as error:
            del work[name]
            print(
                f"{system:16} {name:8} failed: {type(error).__name__}: "
                f"{str(error).strip().splitlines()[0][:200]}",
                flush=True,
            )
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repetitions):
        for name, run in work.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    medians = {name: 1000 * statistics.median(values) for name, values in times.items()}
    for name, milliseconds in medians.items():
        if name != "dada":
            notes = f"completeness error {errors[name]:.1e}, ours {errors['dada']:.1e}"
            row(f"{system}, beside {name}", milliseconds, medians["dada"], notes)


@torch.no_grad()
def check_same(model: nn.Module, modular: nn.Module, x: Tensor) -> None:
    """Raise ValueError where the network for the other packages has other logits than ours."""
    difference = float((model(as_batch(x)).logits - modular(x)).abs().max())
    if not difference <= SAME:
        raise ValueError(
            f"{type(modular).__name__} has logits that are {difference:.1e} from those of "
            f"{type(model).__module__}"
        )


def bound_memory() -> None:
    """Have an allocation beyond the memory that is free fail in this process, in place of the system ending
    some process.
    """
    free = next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemAvailable")
    )
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + free, resource.RLIM_INFINITY))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument(
        "--memory", choices=["pc_darts", "res_tssdnet_2d", "lcnn"], help="instead of the comparison"
    )
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    warnings.filterwarnings("ignore")
    bound_memory()
    if args.memory:
        model, _, x, background = make(args.memory, MEMORY_SHAPE)
        ours(model, x, background)
        print(
            f"{args.memory}: at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9:.2f} GB"
        )
        return
    print(HEAD)
    for system in args.systems:
        compare(system, args.repetitions)


if __name__ == "__main__":
    main()
