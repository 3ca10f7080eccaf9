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
    folded = {
        name: explained.view.fold(values).double().numpy()
        for name, values in subject.by_class(found.values).items()
    }
    errors = found.completeness_error.max(1).values.tolist()
    # Evenly over the group, whose utterances are sorted, so that many speakers are checked.
    rows_checked = np.linspace(0, len(group.sounds) - 1, group.num_checked).round().astype(int).tolist()
    checks = dict(
        zip(rows_checked, _checks(subject, group, found, explained, chosen, rows_checked), strict=True)
    )
    for i, sound in enumerate(group.sounds):
        maps = {name: values[i] for name, values in folded.items()}
        speech = subject.speech(sound, explained.view, next(iter(maps.values())).shape[1])
        frequencies = explained.view.frequencies
        numbers = {name: shares.measure(values, speech, frequencies) for name, values in maps.items()}
        rows = [
            shares.Row(
                sound.name, group.kind, group.speakers[i], name, completeness_error=errors[i], **numbers[name]
            )
            for name in shares.OUTPUTS
        ]
        profiles = {f"{name}_time": support.temporal_profile(values) for name, values in maps.items()}
        profiles |= {f"{name}_frequency": support.spectral_profile(values) for name, values in maps.items()}
        picture = explained.view.picture(explained.batch.inputs[i]).numpy()
        listed = [] if frequencies is None else np.asarray(frequencies).tolist()
        yield Result(
            sound.name,
            {"input": picture, **maps},
            profiles,
            rows,
            found.method,
            found.num_background,
            explained.view.hop,
            listed,
            [checks[i]] if i in checks else [],
        )


def _checks(
    subject: Subject,
    group: Group,
    found: Attribution,
    explained: Explained,
    chosen: ExplainConfig,
    rows: list[int],
) -> list[checked.Check]:
    """Of some utterances of a group, for the output of their own class; a single logit stands for both."""
    if not rows:
        return []
    tables = {
        name: getattr(found, name)[rows] for name in ("values", "base_value", "output", "completeness_error")
    }
    batch = explained.batch
    some = replace(
        batch,
        utts=[batch.utts[i] for i in rows],
        inputs=batch.inputs[rows],
        lengths=batch.lengths[rows],
        speakers=["-"] * len(rows),
    )
    own = "bonafide" if group.kind == "bonafide" else "spoof"
    row = 0 if found.values.shape[1] == 1 else subject.experiment.labels.index(own)
    speakers = [group.speakers[i] for i in rows]
    return checked.check(
        replace(found, **tables), replace(explained, batch=some), speakers, row, chosen.num_steps, chosen.seed
    )
