"""Stage 1: trials of claimed presidents, with words of real speeches and simulated sound.

data/speeches holds all speeches, and data/{train,dev,test} the trials: `text` is a piece of a speech, utt2spk
the claimed president, utt2source the speech, and utt2quote says of a spoof whose words it has. The entries of
wav.scp are one file of silence, since the stages want a recording for each utterance and this recipe has
none. feats/<protocol>/<split>.scp holds the sound of each trial as a row of numbers.
"""

import logging
from pathlib import Path

import numpy as np

from dada.data import BONAFIDE, SAMPLE_RATE, SPOOF, DataDir, write_ark, write_audio
from dada.data.subset import divide
from dada.errors import DataError
from dada.text.chunk import chunk
from dada.text.collection import read_collection
from dada.text.quotes import quotes_dir

from .options import Options, options_of
from .sound import sounds
from .trials import Trial, draw_trials, spoof_rates

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Make the speeches, and the trials of `recipe.protocol` with their sound. Raise DataError where the
    collection holds too few speeches.
    """
    options = options_of(recipe)
    path = recipe.corpus_root / options.file
    speeches = quotes_dir(recipe.data_dir("speeches"), read_collection(path, options.columns))
    figures = _figures(speeches, options.min_speeches)
    if len(figures) < 2:
        raise DataError(
            f"{path}: {len(figures)} authors have {options.min_speeches} speeches, and a claim needs two "
            "authors: lower corpus.options.min_speeches"
        )
    log.info("%d of %d authors are claimed", len(figures), len(set(speeches.speakers.values())))
    rates = spoof_rates(list(figures), options.seed, options.spoof_rates.least, options.spoof_rates.most)
    pieces = _pieces(recipe, options, speeches, figures)
    made = [speeches]
    for split, number in options.trials.items():
        trials = draw_trials(pieces[split], number, rates, options.misattributed, split, options.seed)
        made.append(_data_dir(recipe, split, trials))
        rows = sounds(trials, options.artefacts[recipe.protocol], options.seed, split, options.voice)
        scp = recipe.root / "feats" / recipe.protocol / f"{split}.scp"
        scp.parent.mkdir(parents=True, exist_ok=True)
        write_ark(scp, ((trial.utt, row[None]) for trial, row in zip(trials, rows, strict=True)))
    return made


def _figures(speeches: DataDir, least: int) -> dict[str, list[str]]:
    """Return author -> speeches, of the authors with at least so many."""
    by_author: dict[str, list[str]] = {}
    for utt in speeches.utts:
        by_author.setdefault(speeches.speakers[utt], []).append(utt)
    return {author: utts for author, utts in by_author.items() if len(utts) >= least}


def _pieces(
    recipe, options: Options, speeches: DataDir, figures: dict[str, list[str]]
) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Return split -> author -> (source, words) of pieces as long as an utterance. Whole speeches go to a
    split.
    """
    text = recipe.text
    pieces: dict[str, dict[str, list[tuple[str, str]]]] = {split: {} for split in options.shares}
    for author, utts in figures.items():
        for utt, split in divide(utts, options.shares, options.seed).items():
            source = speeches["utt2source"][utt]
            cut = chunk(speeches["text"][utt], text.min_words, text.max_words)
            pieces[split].setdefault(author, []).extend((source, words) for words in cut)
    return pieces


def _data_dir(recipe, split: str, trials: list[Trial]) -> DataDir:
    """Return the trials of a split as a data directory."""
    silence = recipe.root / "feats" / "silence.flac"
    if not silence.exists():
        write_audio(silence, np.zeros(SAMPLE_RATE, dtype=np.float32))
    values = {
        "wav.scp": [str(Path(silence).resolve())] * len(trials),
        "text": [trial.words for trial in trials],
        "utt2spk": [trial.claim for trial in trials],
        "utt2label": [SPOOF if trial.kind else BONAFIDE for trial in trials],
        "utt2quote": [trial.kind or "-" for trial in trials],
        "utt2source": [trial.source for trial in trials],
    }
    utts = [trial.utt for trial in trials]
    return DataDir(
        recipe.data_dir(split),
        {name: dict(zip(utts, column, strict=True)) for name, column in values.items()},
    )
