"""Stage 9: what it writes, and what it refuses."""

import json

import numpy as np
import pytest

from dada import metrics
from dada.data import DataDir, read_table, write_table
from dada.errors import DataError
from dada.experiment.folder import ExperimentFolder
from dada.metrics.measures import TANDEM
from dada.recipe.recipe import Recipe
from dada.report.load import load
from dada.report.score_tables import condition_tables
from dada.report.split import tables_of
from dada.stages import s09_evaluate
from dada.storage.json_file import write_json


def evaluate(recipe, split="test", system=None):
    jobs = [
        job
        for job in s09_evaluate.plan(recipe)
        if job.split == split and (system is None or job.systems == (system,))
    ]
    s09_evaluate.run(recipe, jobs[0])
    return json.loads(jobs[0].outputs[0].read_text())


def test_plan_names_every_system_and_split(finished):
    jobs = [job for view in finished.views for job in s09_evaluate.plan(view)]
    assert len({job.name for job in jobs}) == len({job.outputs for job in jobs}) == 2 * 2 * (2 + 1)
    assert [job.name for job in jobs if job.kind == "transcripts"][:2] == [
        "line/transcripts/dev",
        "line/transcripts/test",
    ]
    assert jobs[0].name == "line/lfcc_gmm/dev" and len(jobs[0].inputs) == 4


def test_result_agrees_with_the_metrics(small):
    result = evaluate(small)
    data = DataDir.read(small.data_dir("test"))
    bonafide = np.array([data.labels[utt] == "bonafide" for utt in data.utts])
    unknown = np.array([data["utt2known"][utt] == "unknown" for utt in data.utts])
    eers, unknown_eers = [], []
    for seed in (1, 2):
        table = read_table(small.seed_dir("lfcc_gmm", seed) / "scores" / "test.txt")
        scores = np.array([float(table[utt]) for utt in data.utts])
        eers.append(metrics.eer(scores[bonafide], scores[~bonafide])[0])
        unknown_eers.append(metrics.eer(scores[bonafide], scores[unknown])[0])
    entry = result["metrics"]["eer"]
    assert (
        entry["per_seed"] == eers
        and entry["mean"] == np.mean(eers)
        and entry["spread"] == np.std(eers, ddof=1)
    )
    assert entry["low"] < entry["mean"] < entry["high"] and entry["num_resamples"] == 8  # a speaker left out
    assert (result["num_bonafide"], result["num_spoof"], result["num_speakers"]) == (144, 256, 8)
    known = result["conditions"]["known"]
    assert set(known) == {"known", "unknown"} and set(result["conditions"]) == {"attack", "known", "quote"}
    assert known["unknown"]["metrics"]["eer"]["per_seed"] == unknown_eers
    assert (known["unknown"]["num_bonafide"], known["unknown"]["num_spoof"], known["unknown"]["within"]) == (
        144,
        96,
        None,
    )
    assert result["abx_speaker"]["mean"] > 0.55 and result["abx_label"]["mean"] == pytest.approx(
        0.5, abs=0.05
    )
    assert result["authorship"] is None and result["seeds"] == [1, 2]


def test_text_systems_have_authorship(finished):
    result = evaluate(finished, system="dada_text")
    authorship = result["authorship"]
    assert (authorship["num_texts"], authorship["num_authors"]) == (144, 8)
    assert (
        2 * authorship["chance"] < authorship["accuracy"]["mean"] < 1
        and 0 < authorship["weighted_f1"]["mean"] < 1
    )


def test_condition_shared_by_both_classes_is_measured_within(small):
    data = DataDir.read(small.data_dir("test"))
    languages = ("de", "en")
    write_table(data.path / "utt2lang", {utt: languages[i % 2] for i, utt in enumerate(data.utts)})
    values = evaluate(small)["conditions"]["lang"]
    assert sum(values[name]["num_bonafide_within"] for name in languages) == 144
    assert (
        values["de"]["within"]["eer"]["mean"] != values["de"]["metrics"]["eer"]["mean"]
        and values["de"]["num_bonafide"] == 144
    )


def test_tandem_costs_by_condition(small):
    """By attack with the ASV's rate of its spoofs, where the ASV knows it; the report has a table of them,
    and none without an ASV.
    """
    rng = np.random.default_rng(0)
    means = {
        ("bonafide", "target"): 3,
        ("bonafide", "nontarget"): 0,
        ("world", "spoof"): 2,
        ("piper", "spoof"): 1,
    }
    parts = {names: rng.normal(mean, 1, 60).round(6) for names, mean in means.items()}
    (small.root / "asv.txt").write_text(
        "".join(f"{attack} {kind} {x}\n" for (attack, kind), part in parts.items() for x in part)
    )
    small = Recipe.load(small.root, ["evaluate.asv={test: {scores: asv.txt}}"])
    result, data = evaluate(small), DataDir.read(small.data_dir("test"))
    world = result["conditions"]["attack"]["world"]
    rates = metrics.asv_rates(*list(parts.values())[:3])
    table = read_table(small.seed_dir("lfcc_gmm", 2) / "scores" / "test.txt")
    pair = [
        [float(table[utt]) for utt in data.utts if data["utt2attack"][utt] == attack]
        for attack in ("-", "world")
    ]
    assert world["metrics"]["min_tdcf_2019"]["per_seed"][1] == metrics.min_tdcf(*pair, rates)
    assert (world["asv"], result["conditions"]["known"]["known"]["asv"]) == (
        "spoofs of attack world",
        "overall",
    )
    evaluate(small, "dev")
    sections = {
        section.split: {table.title: table for table in tables_of(section)} for section in load(small.views)
    }
    shown = sections["test"]["Tandem cost by attack"]
    costs = world["metrics"]
    assert shown.rows[0][shown.headers.index("world")].text == "{:.4f} ({:.4f})".format(
        *(costs[name]["mean"] for name in TANDEM)
    )
    assert not any(title.startswith("Tandem") for title in sections["dev"])


def test_attacks_of_the_training_data_have_a_table_of_their_own(small):
    """Whether train has an attack, under any name, decides; the last column is the mean of a table."""
    result = evaluate(small)["conditions"]["attack"]
    train = DataDir.of(
        small.data_dir("train"),
        {
            "wav.scp": {"a": "a.flac", "b": "b.flac"},
            "utt2attack": {"a": "-", "b": "world"},
            "utt2label": {"a": "bonafide", "b": "spoof"},
        },
    )
    [section] = [each for each in load(small.views) if each.split == "test"]
    assert section.known_attacks is None  # there is no train
    [table] = condition_tables(section, "attack")
    assert table.title == "Equal error rate by attack" and table.headers[-1] == "mean"
    train.write()
    recipe = Recipe.load(small.root, ["evaluate.same_attack={piper: world}"])
    [section] = [each for each in load(recipe.views) if each.split == "test"]
    known, unknown = condition_tables(section, "attack")
    assert known.title.endswith("by attack, known from the training data")
    assert known.headers == ["system", "piper", "world", "mean"]
    others = [name.replace("_", " ") for name in sorted(set(result) - {"piper", "world"})]
    assert unknown.headers == ["system", *others, "mean"]
    assert unknown.title.endswith("by attack, unknown to the training data") and "world" not in unknown.note
    eers = [100 * result[name]["metrics"]["eer"]["mean"] for name in ("piper", "world")]
    assert [cell.text for cell in known.rows[0][1:]] == [f"{x:.1f}" for x in (*eers, sum(eers) / 2)]


def test_same_file_again(small):
    job = s09_evaluate.plan(small)[1]
    s09_evaluate.run(small, job)
    first = job.outputs[0].read_bytes()
    s09_evaluate.run(small, job)
    assert job.outputs[0].read_bytes() == first


def test_scores_that_are_no_ratios(small):
    """A mixture's mean over frames is none: it has the least Cllr, and costs after the calibration on dev."""
    folders = [ExperimentFolder(small.seed_dir("lfcc_gmm", seed)) for seed in (1, 2)]
    for folder in folders:
        folder.calibration.unlink()
    before = evaluate(small)
    assert before["score_kind"] == "mean_frame_llr" and before["calibration"] is None
    assert before["metrics"]["cllr"] is None and before["metrics"]["act_dcf"] is None
    assert (
        "single frames" in before["missing"]["cllr"] and "calibration" in before["missing"]["cllr_calibrated"]
    )
    for seed, folder in enumerate(folders, 1):
        write_json(folder.calibration, {"slope": 0.5 * seed, "offset": 0.25, "fitted_on": "dev"})
    after = evaluate(small)
    data = DataDir.read(small.data_dir("test"))
    for seed, found in zip((1, 2), after["metrics"]["cllr_calibrated"]["per_seed"], strict=True):
        table = read_table(small.seed_dir("lfcc_gmm", seed) / "scores" / "test.txt")
        pair = [
            [0.5 * seed * float(table[utt]) + 0.25 for utt in data.utts if data.labels[utt] == label]
            for label in ("bonafide", "spoof")
        ]
        assert found == pytest.approx(metrics.cllr(*pair))
    assert after["calibration"]["calibrated"] and after["metrics"]["act_dcf_calibrated"]["mean"] > 0
    assert after["metrics"]["min_cllr"]["mean"] < after["metrics"]["cllr_calibrated"]["mean"]
    claimed = evaluate(Recipe.load(small.root, ["score_kind=llr"], ["lfcc_gmm"]))
    assert claimed["metrics"]["cllr"]["mean"] > 0 and not claimed["calibration"]["calibrated"]


def test_unlabelled_set_and_single_class(small):
    data = DataDir.read(small.data_dir("test"))
    (data.path / "utt2label").unlink()
    assert evaluate(small)["metrics"] is None
    write_table(data.path / "utt2label", dict.fromkeys(data.utts, "bonafide"))
    result = evaluate(small)
    assert result["metrics"] is None and result["num_spoof"] == 0 and result["abx_speaker"] is not None


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda table: table.pop("BOB-bona-000"), r"1 trials of .*test have no score \(BOB-bona-000\)"),
        (lambda table: table.update({"ZOE-1": "0.5"}), r"1 scored trials are not in .*test \(ZOE-1\)"),
        (lambda table: table.update({"BOB-bona-000": "nan"}), r"NaN or infinite: BOB-bona-000"),
        (lambda table: table.update({"BOB-bona-000": "good"}), r"the score of BOB-bona-000 is 'good'"),
    ],
)
def test_bad_scores(small, change, message):
    path = small.seed_dir("lfcc_gmm", 2) / "scores" / "test.txt"
    table = read_table(path)
    change(table)
    write_table(path, table)
    with pytest.raises(DataError, match=message) as error:
        evaluate(small)
    assert str(path) in str(error.value)
    assert not s09_evaluate.plan(small)[1].outputs[0].exists()


def test_inverted_scores_are_warned_of(small, caplog):
    for seed in (1, 2):
        path = small.seed_dir("lfcc_gmm", seed) / "scores" / "test.txt"
        write_table(path, {utt: -float(score) for utt, score in read_table(path).items()})
    evaluate(small)
    assert "lfcc_gmm on test" in caplog.text and caplog.text.count("negate the scores") == 1


def dev_thresholds(recipe) -> list[float]:
    """The threshold of the EER on dev of every seed."""
    data = DataDir.read(recipe.data_dir("dev"))
    found = []
    for seed in recipe.seeds_of("lfcc_gmm"):
        table = read_table(recipe.seed_dir("lfcc_gmm", seed) / "scores" / "dev.txt")
        scores = {
            side: [float(table[utt]) for utt in data.utts if data.labels[utt] == side]
            for side in ("bonafide", "spoof")
        }
        found.append(metrics.eer(scores["bonafide"], scores["spoof"])[1])
    return found


def rejected(recipe, label: str) -> list[float]:
    """The share of the test trials of a class below the threshold of dev, of every seed."""
    data = DataDir.read(recipe.data_dir("test"))
    shares = []
    for seed, threshold in zip(recipe.seeds_of("lfcc_gmm"), dev_thresholds(recipe), strict=True):
        table = read_table(recipe.seed_dir("lfcc_gmm", seed) / "scores" / "test.txt")
        mine = [float(table[utt]) for utt in data.utts if data.labels[utt] == label]
        shares.append(float(np.mean(np.array(mine) < threshold)))
    return shares


def test_errors_are_measured_at_the_threshold_of_dev(small):
    result = evaluate(small)
    misses, accepted = (result["at_dev"][name] for name in ("frr_at_threshold", "far_at_threshold"))
    assert misses["per_seed"] == rejected(small, "bonafide") and misses["low"] < misses["mean"]
    np.testing.assert_allclose(accepted["per_seed"], 1 - np.array(rejected(small, "spoof")))
    assert evaluate(small, "dev")["at_dev"] == {}


def test_human_speech_alone_has_false_alarms_and_no_eer(small):
    data = DataDir.read(small.data_dir("test"))
    human = [utt for utt in data.utts if data.labels[utt] == "bonafide"]
    tables = {name: {utt: table[utt] for utt in human} for name, table in data.tables.items()}
    DataDir(small.data_dir("test"), tables).write()
    for seed in small.seeds_of("lfcc_gmm"):
        path = small.seed_dir("lfcc_gmm", seed) / "scores" / "test.txt"
        write_table(path, {utt: score for utt, score in read_table(path).items() if utt in tables["utt2spk"]})
    result = evaluate(small)
    assert result["metrics"] is None and result["at_dev"]["far_at_threshold"] is None
    assert result["at_dev"]["frr_at_threshold"]["per_seed"] == rejected(small, "bonafide")
    [section] = [section for section in load([small]) if section.split == "test"]
    [table] = [table for table in tables_of(section) if table.title == "Errors at the threshold of dev"]
    assert table.headers == ["system", "false alarms"]
    assert not any("rror rate" in table.title for table in tables_of(section))
    assert [row[0].text for row in table.rows] == ["lfcc_gmm"]
