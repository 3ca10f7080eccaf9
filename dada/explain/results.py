"""The explanation of a group of utterances, measured."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from dada.data import BONAFIDE, SPOOF
from dada.explain import shares, support
from dada.explain.attribution import Attribution
from dada.explain.config import ExplainConfig
from dada.explain.explainer import AttributionInputs, AudioExplainer, select
from dada.explain.faithfulness import Check, check
from dada.explain.pool import Group


@dataclass
class Result:
    """Maps (F, N), profiles (N,) and (F,), and figures of one utterance."""

    utt: str
    maps: dict[str, np.ndarray]
    profiles: dict[str, np.ndarray]
    rows: list[shares.Row]
    method: str
    num_background: int
    frame_seconds: float
    frequencies: list[float]
    checks: list[Check] = field(default_factory=list)


def explain_group(explainer: AudioExplainer, group: Group, chosen: ExplainConfig) -> Iterator[Result]:
    """Explain and measure every utterance of a group."""
    attribution, inputs = explainer.attribute(group.sounds, group.background)
    by_class = explainer.by_class(attribution.values)
    maps_of_all = {name: inputs.map(values) for name, values in by_class.items()}
    errors = attribution.completeness_error.max(1).values.tolist()
    # Evenly over the group, whose utterances are sorted, so that many speakers are checked.
    checked = np.linspace(0, len(group.sounds) - 1, group.num_checked).round().astype(int).tolist()
    checks = dict(zip(checked, _checks(explainer, group, attribution, inputs, chosen, checked), strict=True))
    frequencies = inputs.view.frequencies
    for i, sound in enumerate(group.sounds):
        maps = {name: values[i] for name, values in maps_of_all.items()}
        speech = explainer.speech(sound, inputs.view, next(iter(maps.values())).shape[1])
        figures = {name: shares.measure(values, speech, frequencies) for name, values in maps.items()}
        row = (sound.name, group.kind, group.speakers[i])
        profiles = {f"{name}_time": support.temporal_profile(values) for name, values in maps.items()}
        profiles |= {f"{name}_frequency": support.spectral_profile(values) for name, values in maps.items()}
        yield Result(
            utt=sound.name,
            maps={"input": inputs.view.picture(inputs.batch.inputs[i]).cpu().numpy(), **maps},
            profiles=profiles,
            rows=[
                shares.Row(*row, name, completeness_error=errors[i], **figures[name])
                for name in shares.OUTPUTS
            ],
            method=attribution.method,
            num_background=attribution.num_background,
            frame_seconds=inputs.view.hop,
            frequencies=[] if frequencies is None else np.asarray(frequencies).tolist(),
            checks=[checks[i]] if i in checks else [],
        )


def _checks(
    explainer: AudioExplainer,
    group: Group,
    attribution: Attribution,
    inputs: AttributionInputs,
    chosen: ExplainConfig,
    rows: list[int],
) -> list[Check]:
    """Check some utterances of a group, for the output of their own class; a single logit stands for both."""
    if not rows:
        return []
    some = replace(
        attribution,
        values=attribution.values[rows],
        base_value=attribution.base_value[rows],
        output=attribution.output[rows],
        completeness_error=attribution.completeness_error[rows],
    )
    own = BONAFIDE if group.kind == BONAFIDE else SPOOF
    target = 0 if attribution.values.shape[1] == 1 else explainer.experiment.labels.index(own)
    speakers = [group.speakers[i] for i in rows]
    part = replace(inputs, batch=select(inputs.batch, rows))
    return check(some, part, speakers, target, chosen.num_steps, chosen.seed)
