"""Stage 9 for the transcripts: their word error rate, where an author corpus holds what was to be spoken."""

from pathlib import Path

import numpy as np

from dada.data import DataDir, read_table
from dada.metrics.bootstrap import Resampler
from dada.metrics.wer import word_errors, words
from dada.recipe.job import Job
from dada.recipe.roles import with_words
from dada.report.load import transcripts_path
from dada.storage.json_file import read_json

TRANSCRIPTS = "transcripts"  # the kind of the jobs


def transcript_job(recipe, split: str, settings: dict) -> Job:
    """The job of one split."""
    output = transcripts_path(recipe, split)
    return Job(
        stage="evaluate",
        name=f"{recipe.protocol}/transcripts/{split}",
        home=output.parent,
        kind=TRANSCRIPTS,
        protocol=recipe.protocol,
        inputs=(recipe.data_dir(split) / "text", *corpora(recipe)),
        outputs=(output,),
        settings={"evaluate": settings},
        systems=tuple(with_words(recipe)),
        split=split,
    )


def corpora(recipe) -> list[Path]:
    """The author corpora of the recipe."""
    return [recipe.root / name if "/" in name else recipe.data_dir(name) for name in recipe.text.corpora]


def transcript_results(recipe, data: DataDir) -> dict:
    """Engine and word error rates over all utterances with a reference, bona fide ones and spoofs; each None
    without any.

    The reference of an utterance is the text of its source (`utt2source`) in an author corpus.
    """
    made_by = read_json(data.path / "text.json")["made_by"] if (data.path / "text.json").exists() else None
    references = references_of(recipe, data)
    utts = [utt for utt in data.utts if utt in references]
    labels = data.labels or {}
    groups = {
        "all": utts,
        **{name: [utt for utt in utts if labels.get(utt) == name] for name in sorted(set(labels.values()))},
    }
    rates = {name: _rate(data, references, group, recipe.evaluate) for name, group in groups.items()}
    return {"engine": made_by, "corpus": recipe.corpus.name, "num_utterances": len(data.utts), "wer": rates}


def references_of(recipe, data: DataDir) -> dict[str, str]:
    """Utterance -> what was to be spoken, for those of which a corpus holds the source."""
    if "utt2source" not in data.tables or "text" not in data.tables:
        return {}
    written: dict[str, str] = {}
    for folder in corpora(recipe):
        if (folder / "utt2source").exists() and (folder / "text").exists():
            texts = read_table(folder / "text")
            written |= {source: texts[utt] for utt, source in read_table(folder / "utt2source").items()}
    return {utt: written[source] for utt, source in data["utt2source"].items() if source in written}


def _rate(data: DataDir, references: dict[str, str], utts: list[str], config) -> dict | None:
    """Word error rate of some utterances, with an interval over resampled speakers."""
    pairs = [(words(references[utt]), words(data["text"][utt])) for utt in utts]
    errors, lengths = (
        np.array([word_errors(*pair) for pair in pairs]),
        np.array([len(pair[0]) for pair in pairs]),
    )
    if not lengths.sum():
        return None
    resampler = Resampler(
        [data.speakers[utt] for utt in utts], num_resamples=config.num_resamples, seed=config.seed
    )
    totals = [
        np.bincount(resampler.classes[0], counts, resampler.num_clusters) for counts in (errors, lengths)
    ]
    drawn = np.concatenate(
        [np.stack([weights @ total for total in totals]) for weights in resampler.chunks()], axis=1
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        interval = resampler.interval(drawn[0] / drawn[1], config.confidence)
    value = float(errors.sum() / lengths.sum())
    ends = {"low": interval.low, "high": interval.high}
    return {
        "mean": value,
        "spread": None,
        **ends,
        "num_utterances": len(utts),
        "num_words": int(lengths.sum()),
    }
