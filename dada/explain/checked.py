"""How faithful the explanations of a system are, over some utterances: what the tables of a report rest on."""

from dataclasses import dataclass

import numpy as np

from dada.explain import Attribution, faithfulness
from dada.explain.shares import entry
from dada.explain.subject import Explained


@dataclass
class Check:
    """Of one utterance, for the output of its own class."""

    utt: str
    speaker: str
    gain: float  # mean(insertion) - mean(deletion), in units of the logit
    random_gain: float  # the mean of random orders
    shuffled: (
        float  # rank correlation with the attributions of shuffled weights; NaN of a model without parameters
    )
    stability: float  # rank correlation of the attributions against two halves of the background


def check(
    found: Attribution, explained: Explained, speakers: list[str], row: int, num_steps: int, seed: int
) -> list[Check]:
    """Check every utterance of an attribution for the target in row `row` of it."""
    model, batch, background, options = (
        explained.model,
        explained.batch,
        explained.background,
        explained.options,
    )
    if "first_steps" in options:  # rank correlations need no better sums
        options = options | {"max_steps": options["first_steps"]}
    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    shuffled = (
        faithfulness.sanity(model, batch, background, found, seed, **options) if num_parameters else None
    )
    halves = len(background) > 1 and not options.get("zeros")  # else there is no background to choose
    stable = (
        faithfulness.stability(model, batch, background, found.targets, found.method, **options)
        if halves
        else None
    )
    checks = []
    for i, (utt, speaker) in enumerate(zip(batch.utts, speakers, strict=True)):
        curves = faithfulness.curves(
            model, explained.one(i), background, found.values[i, row], found.targets[row], num_steps, seed
        )
        numbers = (float("nan") if table is None else float(table[i, row]) for table in (shuffled, stable))
        checks.append(Check(utt, speaker, curves.gain, float(curves.random_gain.mean()), *numbers))
    return checks


def summarise(checks: list[Check], evaluate) -> dict | None:
    """Means with intervals over resampled speakers, and whether the gain is above that of random orders; None
    without checks.
    """
    if not checks:
        return None
    speakers = [found.speaker for found in checks]
    columns = {
        name: [getattr(found, name) for found in checks]
        for name in ("gain", "random_gain", "shuffled", "stability")
    }
    summary = {name: entry(values, speakers, evaluate) for name, values in columns.items()}
    summary["above_random"] = entry(
        np.subtract(columns["gain"], columns["random_gain"]).tolist(), speakers, evaluate
    )
    return {"num": len(checks), **summary}
