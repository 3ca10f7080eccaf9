"""How far logits move with TF32 and under autocast to bfloat16."""

import torch
from gradients import example_of

from gpu.common import NUM_SAMPLES, Row, Setup, at_most, noise, precision, published, relative

# Of the norm of the logits, with fresh weights. A network that is far beyond computes something else.
TOLERANCES = {"tf32": 0.05, "bf16": 0.3}
SYSTEMS = {
    "aasist": (NUM_SAMPLES,),
    "rawnet2": (NUM_SAMPLES,),
    "lfcc_lcnn": (60, 400),
    "lfcc_lcnn_lstm": (60, 400),
}


def rows(setup: Setup) -> list[Row]:
    """Norms of the differences over the norms of the logits in float32 on the same device."""
    found = []
    for name, shape in {"lcnn": (20, 50)}.items() if setup.small else SYSTEMS.items():
        model = (example_of(name)[0] if setup.small else published(name)).to(setup.device).eval()
        batch = noise(setup, 4 if setup.small else 24, *shape)
        logits = {}
        for kind in ("float32", "tf32", "bf16"):
            with torch.inference_mode(), precision(setup, kind):
                logits[kind] = model(batch).logits
        for kind in ("tf32", "bf16") if setup.on_gpu else ("bf16",):
            drift = relative(logits[kind], logits["float32"])
            found.append(at_most(f"{name}: {kind}", drift, TOLERANCES[kind]))
    return found
