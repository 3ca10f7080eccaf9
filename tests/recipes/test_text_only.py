"""Recipes without audio, as a user runs them: egs/wikiquotes on a small dump and other recipes' transcripts,
egs/speeches on a few.
"""

import bz2
import json
import random
import re
import shutil
from pathlib import Path

import pytest
from wiki_pages import dump_of

from dada.data import DataDir, read_table
from dada.errors import ConfigError, DataError
from dada.recipe.recipe import Options, Recipe
from dada.recipe.runner import Selection, run_recipe

EGS = Path(__file__).parents[2] / "egs"
TOPICS = {
    "Ann Author": "river water boat fish",
    "Bob Baker": "bread oven flour salt",
    "Cid, Jr.": "war law state vote",
}
QUICK = [
    "text.min_texts=5",
    "text.overlap_words=0",  # all sentences of an author here are alike
    "evaluate.num_resamples=50",
    "evaluate.abx_triples=300",
    "seeds=[1,2]",
]


def says(author: str, rng: random.Random) -> str:
    chosen = [rng.choice(TOPICS[author].split()) for _ in range(6)]
    return f"I have seen the {' and the '.join(chosen)} of {rng.randint(100, 999)}."


@pytest.fixture(scope="module")
def wikiquotes(tmp_path_factory):
    """A copy of the recipe beside an in_the_wild with transcripts; three authors of forty quotes, four to a
    work, one shared by two.
    """
    root, rng = tmp_path_factory.mktemp("egs") / "wikiquotes", random.Random(1)
    shutil.copytree(
        EGS / "wikiquotes",
        root,
        ignore=shutil.ignore_patterns("data", "dump", "exp", "log", ".done", "local.yaml", "downloads"),
    )
    pages = {}
    for author in TOPICS:
        works = [
            f"=== ''Work {i}'' ===\n" + "\n".join(f"* {says(author, rng)}" for _ in range(4))
            for i in range(10)
        ]
        shared = "* Nobody knows who was the first to say this line.\n" if author != "Cid, Jr." else ""
        pages[author] = (
            "== Quotes ==\n"
            + shared
            + "\n".join(works)
            + "\n== Misattributed ==\n* This line was never said by me or by you.\n[[Category:1900 births]]"
        )
    (root / "corpus").mkdir()
    (root / "corpus" / "enwikiquote-latest-pages-articles.xml.bz2").write_bytes(
        bz2.compress(dump_of(pages, {"Cid": "Cid, Jr."}).encode())
    )
    (root / "corpus" / "mine.csv").write_text(
        "who,what\nBob Baker,It is the flour and not the oven that makes the bread.\n"
    )
    wild = root.parent / "in_the_wild"
    (wild / "local").mkdir(parents=True)
    (wild / "recipe.yaml").write_text("corpus: {name: In-the-Wild}\n")
    (wild / "local" / "aliases.csv").write_text("name,title\nThe Baker,Bob Baker\n")
    spoken = {
        "The_Baker": "Bob Baker",
        "Cid": "Cid, Jr.",
        "ann author": "Ann Author",
        "Somebody": "Ann Author",
    }
    tables = {name: {} for name in ("text", "utt2spk", "utt2label")}
    for speaker, author in spoken.items():
        for i in range(6):
            row = (says(author, rng).upper(), speaker.replace(" ", "_"), "spoof" if i == 5 else "bonafide")
            for name, value in zip(tables, row, strict=True):
                tables[name][f"{speaker.replace(' ', '_')}-{i}"] = value
    DataDir(
        wild / "data" / "test", {name: dict(sorted(table.items())) for name, table in tables.items()}
    ).write()
    return root


def run(root: Path, *overrides: str, systems=("tfidf",), first=1, last=11, num_jobs=1) -> None:
    recipe = Recipe.load(root, ["corpus.root=corpus", *QUICK, *overrides], systems, Options(nj=num_jobs))
    run_recipe(recipe, Selection(first, last))


def test_table_2_from_a_dump(wikiquotes, caplog):
    caplog.set_level("INFO")
    run(
        wikiquotes,
        "splits.test=[test,in_the_wild]",
        "corpus.options.collections=[{file: mine.csv, columns: {author: who, text: what}}]",
    )
    for stage in ("2 transcribe", "5 train_audio"):
        assert f"stage {stage}: does not apply to wikiquotes, which has no audio" in caplog.text
    quotes = DataDir.read(wikiquotes / "data" / "quotes")
    assert len(quotes.utts) == 123 and "never said" not in " ".join(quotes["text"].values())
    assert read_table(wikiquotes / "data" / "redirects") == {"Cid": "Cid,_Jr."}
    splits = {
        split: DataDir.read(wikiquotes / "data" / split) for split in ("train", "dev", "test", "in_the_wild")
    }
    sources = [set(splits[split]["utt2source"].values()) for split in ("train", "dev", "test")]
    assert not sources[0] & sources[1] and not sources[0] & sources[2] and not sources[1] & sources[2]
    assert not any("Nobody knows" in text for split in splits.values() for text in split["text"].values())
    assert set(splits["in_the_wild"]["utt2spk"].values()) == {
        "Ann_Author",
        "Bob_Baker",
        "Cid,_Jr.",
        "Somebody",
    }
    assert len(splits["in_the_wild"].utts) == 20  # spoofs are not what anybody said
    result = json.loads((wikiquotes / "exp" / "tfidf" / "results" / "in_the_wild.json").read_text())
    found = result["authorship"]
    assert (found["num_texts"], found["num_unknown"], found["num_authors"]) == (15, 5, 3) and result[
        "metrics"
    ] is None
    macro_f1 = found["macro_f1"]
    assert macro_f1["mean"] > 0.9
    if macro_f1["low"] is None:
        assert macro_f1["no_interval"] == "it does not vary over the clusters"
    else:
        assert macro_f1["low"] <= macro_f1["mean"] <= macro_f1["high"]
    assert (
        result["abx_speaker"]["mean"] > 0.6
        and json.loads((wikiquotes / "exp" / "tfidf" / "results" / "test.json").read_text())["abx_across"][
            "mean"
        ]
        > 0.9
    )
    text = (wikiquotes / "exp" / "RESULTS.md").read_text()
    assert (
        "## All test sets" in text
        and "in_the_wild macro-F1" in text
        and "texts by 3 authors" in text
        and "spoofs" not in text
    )
    caplog.clear()
    run(
        wikiquotes,
        "splits.test=[test,in_the_wild]",
        "corpus.options.collections=[{file: mine.csv, columns: {author: who, text: what}}]",
    )
    assert "START" not in caplog.text


def test_a_missing_test_set_is_named_with_the_command_that_makes_it(wikiquotes):
    (wikiquotes.parent / "voxceleb").mkdir(exist_ok=True)
    (wikiquotes.parent / "voxceleb" / "recipe.yaml").write_text("corpus: {name: VoxCeleb}\n")
    with pytest.raises(
        DataError,
        match=r"voxceleb/data/test/text does not exist: it belongs to the recipe voxceleb: "
        r"run `.*voxceleb/run.sh --stop_stage 3` first",
    ):
        run(wikiquotes, "splits.test=[test,voxceleb]", first=3, last=3)


def test_what_needs_sound_is_refused(wikiquotes):
    with pytest.raises(ConfigError, match="wikiquotes has no audio, and aasist is not a text system"):
        run(wikiquotes, systems=("aasist",))
    with pytest.raises(ConfigError, match="splits.test names test, other: one may be cut from the corpus"):
        run(wikiquotes, "splits.test=[test,other]", first=3, last=3)
    with pytest.raises(ConfigError, match="text.test_fraction is 0: the split test"):
        run(wikiquotes, "text.test_fraction=0", first=3, last=3)


def test_table_2_is_complete():
    recipe = Recipe.load(EGS / "wikiquotes")
    encoders = {
        recipe.system(name).model["encoder"].split("/")[1] for name in recipe.planned if name != "tfidf"
    }
    assert encoders == {"t5-large", "flan-t5-large", "roberta-large", "deberta-v3-large", "ModernBERT-large"}
    plain, row = (
        recipe.system("dada_text_t5"),
        Recipe.load(EGS / "wikiquotes", systems=["dada_text"]).system("dada_text"),
    )
    assert (
        plain.train == row.train
        and {**plain.model, "encoder": ""} == {**row.model, "encoder": ""}
        and plain.name == "dada_text_t5"
    )


def test_speeches_from_jsonl(tmp_path):
    root, rng = tmp_path / "speeches", random.Random(2)
    shutil.copytree(
        EGS / "speeches",
        root,
        ignore=shutil.ignore_patterns(
            "data", "dump", "exp", "log", ".done", "local.yaml", "downloads", "RESULTS.md"
        ),
    )
    settings = re.sub(r"(?m)^systems: .*$", "systems: [tfidf]", (root / "recipe.yaml").read_text())
    (root / "recipe.yaml").write_text(re.sub(r"(?s)  compare: .*", "", settings))
    rows = [
        {
            "author": author,
            "id": f"{i}",
            "date": f"18{i}5-01-02",
            "text": " ".join(says(author, rng) for _ in range(12)),
        }
        for author in TOPICS
        for i in range(6)
    ]
    (root / "corpus").mkdir()
    (root / "corpus" / "few.jsonl").write_text("\n".join(map(json.dumps, rows)))
    few = ["corpus.options.file=few.jsonl", "text.max_per_source=3"]
    with pytest.raises(
        DataError, match="has {'speeches': 18, 'authors': 3}, expected {'speeches': 1009, 'authors': 44}"
    ):
        run(root, *few, last=1)
    run(root, *few, "corpus.options.expected=null", last=3)
    splits = [DataDir.read(root / "data" / split) for split in ("train", "dev", "test")]
    spoken = [source for split in splits for source in split["utt2source"].values()]
    assert max(map(spoken.count, spoken)) <= 3 and len(set(spoken)) == 18
    assert sum(len(set(split["utt2source"].values())) for split in splits) == 18
    assert {decade for split in splits for decade in split["utt2decade"].values()} == {
        f"18{i}0s" for i in range(6)
    }
    run(root, *few, "corpus.options.expected=null", first=4)
    result = json.loads((root / "exp" / "tfidf" / "results" / "test.json").read_text())["verification"]
    assert result["1"]["metrics"]["eer"]["mean"] < 0.2
    assert set(result["1"]["conditions"]["period"]) <= {"same_decade", "other_decade"}
    assert "### Verification: EER, %" in (root / "exp" / "RESULTS.md").read_text()


def test_the_real_speeches_are_all_there(reference):
    from dada.text.collection import read_collection

    speeches = list(read_collection(reference / "text" / "presidential_speeches.jsonl.gz", {"source": "id"}))
    assert (
        len(speeches) == 1009
        and len({speech.author for speech in speeches}) == 44
        and len({speech.source for speech in speeches}) == 1009
    )
