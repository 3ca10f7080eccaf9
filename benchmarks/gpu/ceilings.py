"""What the card can do at best: copies of memory, and products of matrices."""

import torch

from gpu.common import Row, Setup, precision, seconds_of

# Of an H100 with 80 GB, as the floors assume.
H100_COPY, H100_BF16 = 3.0, 798.0  # TB/s, TFLOP/s


def rows(setup: Setup) -> list[Row]:
    """TB/s of a copy, reading and writing, and TFLOP/s in three precisions."""
    x = torch.zeros(1 << (20 if setup.small else 30), dtype=torch.uint8, device=setup.device)
    y = torch.empty_like(x)
    copied = 2 * x.numel() / seconds_of(setup, lambda: y.copy_(x)) / 1e12
    found = [Row("copy of memory", copied, "TB/s")]
    size = 256 if setup.small else 8192
    for name, dtype in (("float32", torch.float32), ("tf32", torch.float32), ("bf16", torch.bfloat16)):
        if name == "tf32" and not setup.on_gpu:
            continue
        a = torch.randn(size, size, device=setup.device).to(dtype)
        with precision(setup, "tf32" if name == "tf32" else "float32"):
            spent = seconds_of(setup, lambda a=a: a @ a)
        found.append(Row(f"product of matrices, {name}", 2 * size**3 / spent / 1e12, "TFLOP/s"))
    return found


def speed(found: list[Row]) -> float:
    """How fast a card is relative to the H100 of the floors, by its slower ceiling; at most 1."""
    values = {row.what: float(row.value) for row in found}
    return min(1.0, values["copy of memory"] / H100_COPY, values["product of matrices, bf16"] / H100_BF16)
