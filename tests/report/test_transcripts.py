"""Word error rates of transcripts against what an author corpus holds, in the results and in the report."""

import json

import numpy as np
import pytest

from dada.data import DataDir, write_table
from dada.metrics.wer import word_error_rate
from dada.recipe.recipe import Recipe
from dada.report.load import load
from dada.report.text_tables import transcript_table
from dada.stages import s09_evaluate

REFERENCE = "one two three four five"


@pytest.fixture
def heard(small):
    """A recipe whose transcripts have errors, more in spoofs, and of some utterances no reference."""
    data = DataDir.read(small.data_dir("test"))
    rng = np.random.default_rng(0)
    sources = {utt: f"line{i}" for i, utt in enumerate(data.utts)}
    written = {f"author-{source}": REFERENCE for i, source in enumerate(sources.values()) if i % 10}
    texts = {}
    for utt in data.utts:
        kept = [
            word
            for word in REFERENCE.split()
            if rng.random() > (0.1 if data.labels[utt] == "bonafide" else 0.4)
        ]
        texts[utt] = " ".join(kept).upper()
    write_table(data.path / "text", texts)
    write_table(data.path / "utt2source", sources)
    made_by = {"model": "downloads/whisper-x", "library": "lib 1.2, torch 3"}
    (data.path / "text.json").write_text(json.dumps({"made_by": made_by, "utterances": {}}))
    corpus = small.data_dir("authors")
    corpus.mkdir(parents=True)
    write_table(corpus / "text", written)
    write_table(corpus / "utt2source", {utt: utt.removeprefix("author-") for utt in written})
    return small, [utt for i, utt in enumerate(data.utts) if i % 10], texts, data


def run(recipe):
    jobs = s09_evaluate.plan(Recipe.load(recipe.root, systems=["dada_text"]))
    job = next(job for job in jobs if job.kind == "transcripts" and job.split == "test")
    s09_evaluate.run(recipe, job)
    return json.loads(job.outputs[0].read_text())


def test_rates_and_table(heard):
    recipe, utts, texts, data = heard
    found = run(recipe)["wer"]
    for name, mine in (("all", utts), ("bonafide", [u for u in utts if data.labels[u] == "bonafide"])):
        assert found[name]["mean"] == word_error_rate((REFERENCE, texts[utt]) for utt in mine)
        assert found[name]["low"] < found[name]["mean"] < found[name]["high"] and found[name][
            "num_utterances"
        ] == len(mine)
    assert found["spoof"]["mean"] > 2 * found["bonafide"]["mean"] and found["all"]["num_words"] == 5 * len(
        utts
    )
    jobs = s09_evaluate.plan(recipe)
    s09_evaluate.run(recipe, jobs[1])
    section = next(section for section in load(recipe.views) if section.split == "test")
    row = [cell.text for cell in transcript_table(section).rows[0]]
    assert row[:2] == ["whisper-x (lib 1.2)", "Made up"] and row[-1] == f"{5 * len(utts):,}" and "[" in row[2]


def test_without_references(heard):
    recipe = heard[0]
    (heard[3].path / "utt2source").unlink()
    assert run(recipe)["wer"] == {"all": None, "bonafide": None, "spoof": None}
