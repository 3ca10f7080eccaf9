"""Stage 1 of the recipes on corpora that are incomplete, of another version, or wrong: each message says
what, where, and what to do.
"""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fixtures import miniatures

from dada.data import DataDir, read_audio
from dada.errors import DataError
from dada.evaluate.split_asv import split_asv
from dada.formats.asvspoof import ASVSPOOF2019, make_data_dir, read_protocol
from dada.recipe.local import load_local
from dada.recipe.recipe import Recipe
from dada.stages import s01_prepare_data, s09_evaluate

ROOT = Path(__file__).parents[2]
LA_2019 = "LA/ASVspoof2019_LA_{}"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Every miniature, once."""
    return {
        name: miniatures.make(name, tmp_path_factory.mktemp(name)).parent
        for name in ("asvspoof2019", "asvspoof2021", "in_the_wild")
    }


@pytest.fixture
def spoiled(made, tmp_path):
    """`spoiled(name)` gives a copy of a miniature that may be spoiled: its corpus, and `prepare(*overrides)`,
    which runs stage 1.
    """

    def make(name):
        folder = shutil.copytree(made[name], tmp_path / name)
        text = (folder / "recipe" / "local.yaml").read_text().replace(str(made[name]), str(folder))
        (folder / "recipe" / "local.yaml").write_text(text)

        def prepare(*overrides):
            recipe = Recipe.load(folder / "recipe", overrides)
            [view] = recipe.views
            [job] = s01_prepare_data.plan(view)
            s01_prepare_data.run(view, job)
            return view

        return folder / "corpus", prepare

    return make


def change(path: Path, old: str, new: str, count: int = -1) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def test_a_missing_folder_or_file_is_named(spoiled, caplog):
    corpus, prepare = spoiled("asvspoof2019")
    folder = corpus / LA_2019.format("eval") / "flac"
    lost = sorted(folder.glob("LA_E_1*.flac"))[0]
    lost.unlink()
    with pytest.raises(DataError, match=f"1 of 22 audio files are not in .*eval/flac, e.g. {lost.stem}"):
        prepare()
    recipe = prepare("corpus.options.allow_missing=true")
    assert len(DataDir.read(recipe.data_dir("eval")).utts) == 21 and lost.stem in caplog.text
    folder.rename(corpus / "elsewhere")
    with pytest.raises(
        DataError, match="the folder .*ASVspoof2019_LA_eval/flac does not exist: unpack the archive"
    ):
        prepare()
    with pytest.raises(
        DataError, match=r"has no PA/ASVspoof2019_PA_cm_protocols \(there: ASVspoof2019_LA_asv_protocols"
    ):
        prepare("protocol=PA", f"corpus.root={corpus / 'LA'}")
    with pytest.raises(DataError, match="nowhere does not exist"):
        prepare("corpus.root=nowhere")


def test_a_protocol_of_another_year_and_repeated_utterances(spoiled):
    corpus, prepare = spoiled("asvspoof2019")
    path = corpus / LA_2019.format("cm_protocols") / "ASVspoof2019.LA.cm.eval.trl.txt"
    text = path.read_text()
    path.write_text(text + text.splitlines()[0] + "\n")
    with pytest.raises(DataError, match=r"eval.trl.txt:23: LA_E_\d+ is already in line 1"):
        prepare()
    path.write_text(text.replace("LA_E_", "LA_D_"))
    with pytest.raises(
        DataError, match="utterances here begin with LA_E_: is it the protocol of another part"
    ):
        prepare()
    path.write_text("LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\n")
    with pytest.raises(
        DataError, match="as ASVspoof 2021 LA metadata; expected is the ASVspoof 2019 protocol"
    ):
        prepare()


def test_an_attack_that_the_track_does_not_train_on(spoiled):
    _, prepare = spoiled("asvspoof2019")
    with pytest.raises(
        DataError, match=r"train.trn.txt has no trial whose attack is 'A07'; there are - \(9\), A01 \(1\)"
    ):
        prepare("protocols=[LA,LA_A07]", "protocol=LA_A07")
    recipe = prepare(
        "protocols=[LA,PA_BC]", "protocol=PA_BC", "corpus.counts={}"
    )  # of the other track as well
    assert set(DataDir.read(recipe.data_dir("dev"))["utt2attack"].values()) == {"-", "BC"}


def test_labels_of_the_wrong_polarity(spoiled):
    corpus, prepare = spoiled("asvspoof2019")
    path = corpus / LA_2019.format("cm_protocols") / "ASVspoof2019.LA.cm.dev.trl.txt"
    path.write_text(
        path.read_text().replace("bonafide", "x").replace("spoof", "bonafide").replace("x", "spoof")
    )
    with pytest.raises(DataError, match="(?s)is spoof with attack '-'.*the labels look swapped"):
        prepare()
    corpus, prepare = spoiled("in_the_wild")
    with open(corpus / "release_in_the_wild" / "meta.csv", newline="") as file:
        num = Counter(row["label"] for row in csv.DictReader(file))
    change(corpus / "release_in_the_wild" / "meta.csv", "spoof", "bona-fide", 1)
    with pytest.raises(DataError, match="the labels of all look swapped"):
        prepare(f"corpus.options.total={{bonafide: {num['spoof'] - 1}, spoof: {num['bona-fide'] + 1}}}")


def test_keys_that_were_replaced(spoiled, caplog):
    corpus, prepare = spoiled("asvspoof2021")
    (corpus / "LA-keys-full.tar.gz").write_bytes(b"an older archive")
    prepare()
    assert "LA-keys-full.tar.gz has the MD5" in caplog.text and "another version of the key" in caplog.text
    path = corpus / "keys" / "LA" / "CM" / "trial_metadata.txt"
    path.write_text("".join(line for line in path.open() if not line.endswith("hidden\n")))
    with pytest.raises(
        DataError, match="lacks 8 of the 36 trials of .*fetch https://www.asvspoof.org/.*LA-keys-full.tar.gz"
    ):
        prepare()
    (corpus / "keys" / "LA" / "CM").rename(corpus / "keys" / "CM")
    with pytest.raises(DataError, match="has no LA/: it is of the archive that .* replaced"):
        prepare()
    shutil.rmtree(corpus / "keys")
    with pytest.raises(
        DataError, match=r"trial_metadata.txt does not exist: .*without labels with splits.test=\[LA_all\]"
    ):
        prepare()


def test_damaged_frames_are_named_and_can_be_left_out(spoiled):
    corpus, prepare = spoiled("asvspoof2019")
    path = sorted((corpus / LA_2019.format("train") / "flac").glob("*.flac"))[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(
        DataError, match=f"{path.name} cannot be read as audio .*it is damaged: .*corpus.options.exclude"
    ):
        read_audio(str(path))
    (corpus.parent / "recipe" / "damaged.txt").write_text(f"{path.stem}\n")
    recipe = prepare("corpus.options.exclude=damaged.txt")
    assert path.stem not in DataDir.read(recipe.data_dir("train")).utts
    (corpus.parent / "recipe" / "damaged.txt").write_text("LA_T_0\n")
    with pytest.raises(DataError, match="names 1 utterances that no split has, e.g. LA_T_0"):
        prepare("corpus.options.exclude=damaged.txt")


def test_in_the_wild_lists_that_cannot_be_used(spoiled):
    corpus, prepare = spoiled("in_the_wild")
    home = corpus / "release_in_the_wild"
    (home / "3.wav").rename(home / "3.m4a")
    locations = [DataDir.read(prepare().data_dir(split))["wav.scp"] for split in ("train", "dev", "test")]
    assert any(place.endswith("3.m4a") for table in locations for place in table.values())
    (home / "3.m4a").rename(home / "3.wav")
    meta = (home / "meta.csv").read_text()
    (home / "meta.csv").write_text(meta + "other/0.wav,2Pac,spoof\n")
    with pytest.raises(DataError, match="other/0.wav and the file of line 2 are both called 0: rename one"):
        prepare()
    (home / "meta.csv").write_text(meta.partition("\n")[2])
    with pytest.raises(DataError, match=r"meta.csv:1: no column 'file'"):
        prepare()
    (home / "meta.csv").write_text(meta.replace("bona-fide", "1"))
    with pytest.raises(DataError, match="does not say what the label '1'"):
        prepare()
    (home / "meta.csv").unlink()
    with pytest.raises(DataError, match="meta.csv does not exist"):
        prepare()


def test_real_labels_of_in_the_wild(reference, tmp_path, caplog):
    local = load_local(ROOT / "egs" / "in_the_wild", "prepare_data")
    lines = (reference / "scores" / "in_the_wild" / "labels.txt").read_text().split("\n")
    rows = [line.replace(" ", ",someone,").replace("bonafide", "bona-fide") for line in lines if line]
    (tmp_path / "meta.csv").write_text("\n".join(["file,speaker,label", *rows]) + "\n")
    recipe = Recipe.load(ROOT / "egs" / "in_the_wild")
    labels, _ = local.read_meta(tmp_path / "meta.csv", recipe.corpus.options["total"])
    assert len(labels) == 31_779 and Counter(labels.values()) == {"bonafide": 19_963, "spoof": 11_816}
    assert "published counts" not in caplog.text


def test_stage_9_gives_the_published_costs_of_real_scores(reference, made, tmp_path):
    """RawGAT-ST's released scores of ASVspoof 2019 LA, with the corpus' own ASV scores."""
    folder = shutil.copytree(made["asvspoof2019"] / "recipe", tmp_path / "recipe")
    name = "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt"
    asv = tmp_path / "corpus" / LA_2019.format("asv_scores")
    asv.mkdir(parents=True)
    shutil.copy(reference / "scores" / name, asv)
    recipe = Recipe.load(
        folder, [f"corpus.root={tmp_path / 'corpus'}", "systems=[lfcc_gmm]", "evaluate.num_resamples=2"]
    )
    protocol = read_protocol(
        reference / "protocols" / "ASVspoof2019.LA.cm.eval.trl.txt", ASVSPOOF2019, "LA_E_"
    )
    data = make_data_dir(
        recipe.data_dir("eval"), protocol, {utt: f"{utt}.flac" for utt in protocol.values["trial"]}
    )
    del data.tables["utt2attack"]  # thirteen breakdowns are not what is asked here
    data.write()
    rows = sorted(line.split() for line in (reference / "scores" / "RawGAT_ST_mul_LA_eval.txt").open())
    scores = recipe.seed_dir("lfcc_gmm", 1) / "scores" / "eval.txt"
    scores.parent.mkdir(parents=True)
    scores.write_text("".join(f"{row[0]} {row[3]}\n" for row in rows))
    [job] = [job for job in s09_evaluate.plan(recipe) if job.name.endswith("lfcc_gmm/eval")]
    s09_evaluate.run(recipe, job)
    metrics = json.loads(job.outputs[0].read_text())["metrics"]
    np.testing.assert_allclose(
        [metrics["eer"]["mean"], metrics["min_tdcf_2019"]["mean"]], [0.010601, 0.033539], atol=1e-6
    )


def test_without_asv_scores_there_is_no_tandem_cost_and_a_word_about_it(made, tmp_path, caplog):
    folder = shutil.copytree(made["asvspoof2019"] / "recipe", tmp_path / "recipe")
    recipe = Recipe.load(folder, [f"corpus.root={tmp_path}"])
    assert split_asv(recipe, "eval") is None
    assert "no tandem metrics, since" in caplog.text and "correct evaluate.asv.eval" in caplog.text
