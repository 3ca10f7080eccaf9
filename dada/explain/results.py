"""What is kept of each explained utterance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dada.explain import Attribution, checked, shares, support
from dada.explain.config import ExplainConfig
from dada.explain.pool import Group
from dada.explain.subject import Explained, Subject


@dataclass
class Result:
    """Maps (F, N), profiles (N,) and (F,), and numbers of one utterance."""

    utt: str
    maps: dict[str, np.ndarray]
    profiles: dict[str, np.ndarray]
    rows: list[shares.Row]
    method: str
    num_background: int
    frame_seconds: float
    frequencies: list[float]
    checks: Sequence[checked.Check] = ()


def results_of(subject: Subject, group: Group, chosen: ExplainConfig) -> Iterator[Result]:
    """Explain a group and measure it."""
    found, explained = subject.explain(group.sounds, group.background)
    folded = {name: explained.view.fold(values).double().numpy() for name, values in subject.by_class(found.values).items()}
    errors = found.completeness_error.max(1).values.tolist()
    checks = _checks(subject, group, found, explained, chosen)
    for i, sound in enumerate(group.sounds):
        maps = {name: values[i] for name, values in folded.items()}
        speech = subject.speech(sound, explained.view, next(iter(maps.values())).shape[1])
        frequencies = explained.view.frequencies
        numbers = {name: shares.measure(values, speech, frequencies) for name, values in maps.items()}
        rows = [shares.Row(sound.name, group.kind, group.speakers[i], name, completeness_error=errors[i], **numbers[name])
                for name in shares.OUTPUTS]  # fmt: skip
        profiles = {f"{name}_time": support.temporal_profile(values) for name, values in maps.items()}
        profiles |= {f"{name}_frequency": support.spectral_profile(values) for name, values in maps.items()}
        picture = explained.view.picture(explained.batch.inputs[i]).numpy()
        listed = [] if frequencies is None else np.asarray(frequencies).tolist()
        yield Result(sound.name, {"input": picture, **maps}, profiles, rows, found.method, found.num_background, explained.view.hop,
                     listed, checks[i : i + 1])  # fmt: skip


def _checks(subject: Subject, group: Group, found: Attribution, explained: Explained, chosen: ExplainConfig) -> list[checked.Check]:
    """Of the first utterances of a group, for the output of their own class; a single logit stands for both."""
    num = group.num_checked
    if not num:
        return []
    part = Attribution(found.values[:num], found.base_value[:num], found.output[:num], found.completeness_error[:num], found.method,
                       found.targets, found.num_background)  # fmt: skip
    batch = replace(explained.batch, utts=explained.batch.utts[:num], inputs=explained.batch.inputs[:num],
                    lengths=explained.batch.lengths[:num], speakers=explained.batch.speakers[:num])  # fmt: skip
    own = "bonafide" if group.kind == "bonafide" else "spoof"
    row = 0 if found.values.shape[1] == 1 else subject.experiment.labels.index(own)
    return checked.check(part, replace(explained, batch=batch), group.speakers[:num], row, chosen.num_steps, chosen.seed)
