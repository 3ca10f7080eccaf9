"""Word error rates of transcripts, where an author corpus holds the text that was to be spoken."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dada.data import DataDir, read_table
from dada.evaluate.results import TranscriptResults, WordErrors
from dada.evaluation_settings import EvaluateConfig
from dada.metrics.bootstrap import Resampler
from dada.metrics.figure import figure
from dada.metrics.wer import word_errors, words
from dada.storage.json_file import read_json


def transcript_results(
    data: DataDir, corpora: Sequence[Path], corpus: str, config: EvaluateConfig
) -> TranscriptResults:
    """Engine and word error rates over all utterances with a reference, bona fide ones and spoofs.

    The reference of an utterance is the text of its source (`utt2source`) in one of the author `corpora`. A
    rate is None without any reference.
    """
    record = data.path / "text.json"
    engine = read_json(record, needs={"made_by": dict})["made_by"] if record.exists() else None
    references = _references(data, corpora)
    utts = [utt for utt in data.utts if utt in references]
    labels = data.labels or {}
    groups = {"all": utts} | {
        name: [utt for utt in utts if labels.get(utt) == name] for name in sorted(set(labels.values()))
    }
    rates = {name: _rate(data, references, group, config) for name, group in groups.items()}
    return TranscriptResults(engine=engine, corpus=corpus, num_utterances=len(data.utts), wer=rates)


def _references(data: DataDir, corpora: Sequence[Path]) -> dict[str, str]:
    """Utterance -> the text that was to be spoken, for those whose source a corpus holds."""
    if "utt2source" not in data.tables or "text" not in data.tables:
        return {}
    written: dict[str, str] = {}
    for folder in corpora:
        if (folder / "utt2source").exists() and (folder / "text").exists():
            texts = read_table(folder / "text")
            written |= {source: texts[utt] for utt, source in read_table(folder / "utt2source").items()}
    return {utt: written[source] for utt, source in data["utt2source"].items() if source in written}


def _rate(
    data: DataDir, references: Mapping[str, str], utts: Sequence[str], config: EvaluateConfig
) -> WordErrors | None:
    """Word error rate of some utterances, with an interval over resampled speakers."""
    pairs = [(words(references[utt]), words(data["text"][utt])) for utt in utts]
    errors, lengths = (
        np.array([word_errors(*pair) for pair in pairs]),
        np.array([len(pair[0]) for pair in pairs]),
    )
    if not lengths.sum():
        return None
    resampler = Resampler(
        [data.speakers[utt] for utt in utts],
        num_resamples=config.num_resamples,
        seed=config.seed,
        jackknife=True,
    )
    totals = [
        np.bincount(resampler.classes[0], counts, resampler.num_clusters) for counts in (errors, lengths)
    ]
    drawn = np.concatenate(
        [np.stack([weights @ total for total in totals]) for weights in resampler.chunks()], axis=1
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        value = errors.sum() / lengths.sum()
        rate = figure([value], [drawn[0] / drawn[1]], resampler, config.confidence, upper=math.inf)
    return WordErrors(**vars(rate), num_utterances=len(utts), num_words=int(lengths.sum()))
