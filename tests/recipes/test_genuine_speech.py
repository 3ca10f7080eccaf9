"""The recipes of MLAAD and of the corpora without spoofs, whole, on miniatures of them, and with corpora that
are wrong.
"""

import json
import shutil

import pytest
import torch
from fixtures import miniatures
from tiny_runs import dada
from tiny_systems import SYSTEMS, write_systems

from dada.data import DataDir
from dada.errors import ConfigError, DataError
from dada.recipe.recipe import Recipe
from dada.stages import s01_prepare_data

# The phases of DADA's audio model that learn from triples by speaker, and the one that follows, in short.
SLIM = """
input:
  features:
    {{style_model: {encoder}, style_layers: [0, 1], linguistics_model: {encoder}, linguistics_layers: [2, 3]}}
model: {{width: 16, bottleneck: 6, embedding: 8, attention: 4, hidden: 16, head: 8}}
"""  # the phases, their losses and schedules are those of dada/conf
WORDS = {"id00012": "cat", "id00015": "dog", "id00016": "far"}
TRIPLETS, DETECTOR = SYSTEMS["dada_audio"].split("    - {{epochs: 2")
PRETRAINING = TRIPLETS.replace("triplets_by: label", "triplets_by: speaker").replace("  folds: 2\n", "")
PRETRAINED = TRIPLETS.partition("    - ")[0] + "    - {{epochs: 2" + DETECTOR


def run(recipe, *arguments) -> str:
    """All stages; returns what was logged."""
    done = dada("run", recipe, "--nj", "1", *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def prepare(folder, *overrides) -> Recipe:
    """Stage 1 alone, in this process."""
    recipe = Recipe.load(folder, overrides)
    [job] = s01_prepare_data.plan(recipe)
    s01_prepare_data.run(recipe, job)
    return recipe


def write_sayings(path):
    """Texts of the speakers, since the tiny Whisper hears the same words everywhere."""
    utts = {
        f"{name}-{i}": (name, f"{word} {word} and {number}")
        for name, word in WORDS.items()
        for i, number in enumerate("abcdefgh")
    }
    tables = {
        "text": {utt: text for utt, (_, text) in utts.items()},
        "utt2spk": {utt: name for utt, (name, _) in utts.items()},
    }
    DataDir.of(path, tables).write()
    return path


def write_pretraining(recipe, whisper, name="dada_audio_pretraining", text=PRETRAINING) -> None:
    (recipe / "conf" / f"{name}.yaml").write_text(text.format(whisper=whisper))


def results(recipe, system, name, protocol="") -> dict:
    return json.loads((recipe / "exp" / protocol / system / "results" / f"{name}.json").read_text())


def test_mlaad_whole_and_by_model(tmp_path):
    recipe = miniatures.make("mlaad", tmp_path)
    said = run(recipe, "protocol=whole")
    assert (
        "MLAAD version 5: 5 models, 40 spoofs, 16 originals"
        in (recipe / "exp" / "log").joinpath("prepare_data", "whole.log").read_text() + said
    )
    for system in ("trivial_cues", "lfcc_gmm", "lfcc_lcnn"):
        found = results(recipe, system, "test")
        assert (found["num_bonafide"], found["num_spoof"]) == (16, 16) and len(
            found["conditions"]["attack"]
        ) == 5
    run(recipe, "protocol=models", "systems=[lfcc_gmm]")
    splits = {name: DataDir.read(recipe / "data" / "models" / name) for name in ("train", "dev", "test")}
    models = [set(data["utt2attack"].values()) - {"-"} for data in splits.values()]
    assert [len(names) for names in models] == [3, 1, 1] and len(set.union(*models)) == 5
    assert set(DataDir.read(recipe / "data" / "test").speakers.values()) == {"-", "judy_bieber", "mr_smith"}


def test_mlaad_is_drawn_as_its_options_say(tmp_path, caplog):
    folder = miniatures.make("mlaad", tmp_path)

    def counts(*overrides):
        labels = list(
            DataDir.read(prepare(folder, "protocol=whole", *overrides).data_dir("test")).labels.values()
        )
        return labels.count("bonafide"), labels.count("spoof")

    assert counts("corpus.options.balance=false") == (16, 40)
    assert counts("corpus.options.deduplicate=false") == (40, 40)
    assert counts("corpus.options.languages=[en,ga]", "corpus.options.balance=false") == (16, 48)
    first = set(DataDir.read(folder / "data" / "test").utts)
    assert counts("corpus.options.models=[suno_bark]") == (8, 8) and first != set(
        DataDir.read(folder / "data" / "test").utts
    )
    with pytest.raises(ConfigError, match="has no model x; with a meta.csv there are facebook_mms"):
        counts("corpus.options.models=[x]")
    home = tmp_path / "corpus"
    next((home / "fake" / "en" / "suno_bark").glob("*.wav")).unlink()
    with pytest.raises(
        DataError, match="1 files that meta.csv names are not in .*fake/en, e.g. fake/en/suno_bark/"
    ):
        counts()
    assert counts("corpus.options.allow_missing=true", "corpus.options.balance=false") == (16, 39)
    assert "1 files that meta.csv names are left out" in caplog.text
    (home / "real" / "en_US").rename(home / "real" / "en_us")
    with pytest.raises(DataError, match="5 files that meta.csv names are not in .*real"):
        counts(
            "corpus.options.allow_missing=false",
            "corpus.options.models=[parler_tts_mini,facebook_mms-tts-eng]",
        )
    meta = home / "fake" / "en" / "suno_bark" / "meta.csv"
    meta.write_text(meta.read_text().replace("|", ","))
    with pytest.raises(DataError, match="meta.csv"):
        counts()


def test_voxceleb_tells_whose_words_they_are(tmp_path, whisper_folder, tiny_bert):
    recipe = miniatures.make("voxceleb", tmp_path)
    write_systems(recipe, whisper_folder, tiny_bert, ["dada_text"])
    write_pretraining(recipe, whisper_folder)
    local = json.loads((recipe / "local.yaml").read_text())
    local |= {
        "systems": ["dada_audio_pretraining", "dada_text"],
        "transcribe": {"backend": "transformers", "model": str(whisper_folder)},
    }
    local |= {
        "text": {"min_words": 3, "dev_fraction": 0.3, "corpora": [str(write_sayings(tmp_path / "sayings"))]}
    }
    (recipe / "local.yaml").write_text(json.dumps(local))
    said = run(recipe)
    assert "stage 7 train_fusion: does not apply" in said
    assert results(recipe, "dada_text", "test")["authorship"]["num_authors"] >= 2
    for system in ("dada_text", "dada_audio_pretraining"):
        assert (
            results(recipe, system, "test")["metrics"] is None
            and results(recipe, system, "test")["abx_speaker"]
        )
    assert "Authorship" in (recipe / "exp" / "RESULTS.md").read_text()


def test_voxceleb_that_cannot_be_used(tmp_path, caplog):
    folder = miniatures.make("voxceleb", tmp_path)
    home = tmp_path / "corpus" / "dev"
    prepare(folder, "corpus.options.fraction=0.5")
    assert sum(len(DataDir.read(folder / "data" / split).utts) for split in ("train", "dev", "test")) == 20
    assert "wav: 39 all, expected 1092009" in caplog.text
    lines = (home.parent / "vox2_meta.csv").read_text().replace(" ,", "\t")
    (home.parent / "vox2_meta.csv").rename(home.parent / "other")
    (home.parent / "vox1_meta.csv").write_text(lines.replace("VoxCeleb2", "VoxCeleb1"))
    assert set(DataDir.read(prepare(folder).data_dir("train"))["utt2gender"].values()) == {"m", "f", "-"}
    (home.parent / "vox1_meta.csv").write_text(lines.replace("Gender", "Sex"))
    with pytest.raises(DataError, match="vox1_meta.csv:1: no columns VoxCeleb ID and Gender"):
        prepare(folder)
    (home.parent / "vox1_meta.csv").unlink()
    assert "utt2gender" not in DataDir.read(prepare(folder).data_dir("train")).tables
    (home / "wav" / "id00012" / "stray.wav").write_bytes(b"x")
    with pytest.raises(
        DataError, match="1 files of .* are not called <speaker>/<video>/<number>, e.g. id00012/stray.wav"
    ):
        prepare(folder)
    (home / "wav").rename(home / "aac")
    (home / "aac" / "id00012" / "stray.wav").rename(home / "aac" / "id00012" / "21Uxsk56VDQ" / "00009.m4a")
    prepare(folder)
    assert "aac: 40 all, expected" in caplog.text


def test_what_is_learned_on_genuine_speech_is_handed_on(tmp_path, whisper_folder):
    ravdess = miniatures.make("ravdess", tmp_path / "ravdess")
    voices = miniatures.make("common_voice", tmp_path / "common_voice")
    prepare(ravdess, "corpus.options.shares={train: 4, dev: 2}")
    write_pretraining(voices, whisper_folder)
    run(voices, f"corpus.options.also=[{ravdess}]")
    data = DataDir.read(voices / "data" / "train")
    assert (
        len(data.utts) == 28
        and {"Actor_01"} & set(data.speakers.values())
        and not (voices / "exp" / "RESULTS.md").exists()
    )
    weights = voices / "exp" / "dada_audio_pretraining" / "seed_1" / "weights.pt"
    target = miniatures.make("asvspoof2019", tmp_path / "asvspoof2019")
    write_pretraining(target, whisper_folder, "dada_audio_pretrained", PRETRAINED)
    run(target, "systems=[]", "--system", "dada_audio_pretrained", f"init={weights}")
    assert 0 <= results(target, "dada_audio_pretrained", "eval")["metrics"]["eer"]["mean"] <= 1


def test_slims_first_phase_is_handed_on_to_its_second(tmp_path, encoder_folder):
    voices = miniatures.make("common_voice", tmp_path / "common_voice")
    target = miniatures.make("asvspoof2019", tmp_path / "asvspoof2019")
    for recipe, name in ((voices, "slim_pretraining"), (target, "slim_pretrained")):
        (recipe / "conf" / f"{name}.yaml").write_text(SLIM.format(encoder=encoder_folder("wav2vec2")))
    run(voices, "systems=[slim_pretraining]")
    weights = voices / "exp" / "slim_pretraining" / "seed_1" / "weights.pt"
    run(target, "systems=[]", "--system", "slim_pretrained", f"init={weights}")
    first, second = (
        torch.load(path) for path in (weights, target / "exp" / "slim_pretrained" / "seed_1" / "weights.pt")
    )
    kept = {name for name in first if torch.equal(first[name], second[name])}
    assert kept == {name for name in first if name.startswith("compression.")}
    found = results(target, "slim_pretrained", "eval")
    assert 0 <= found["metrics"]["eer"]["mean"] <= 1 and found["num_trials"] == 22


def test_common_voice_and_ravdess_that_cannot_be_used(tmp_path, caplog):
    folder = miniatures.make("common_voice", tmp_path / "voices")
    home = tmp_path / "voices" / "corpus" / "en"
    prepare(folder, "corpus.options.num_clips={train: 100, dev: 6}")
    assert "train.tsv has 16 such clips, not 100" in caplog.text
    with pytest.raises(DataError, match="no speaker has 9 clips: lower corpus.options.per_speaker.least"):
        prepare(folder, "corpus.options.per_speaker.least=9")
    (home / "train.tsv").write_text((home / "train.tsv").read_text().replace("client_id", "id"))
    with pytest.raises(DataError, match=r"train.tsv:1: no column 'client_id'"):
        prepare(folder)
    folder = miniatures.make("ravdess", tmp_path / "ravdess")
    home = tmp_path / "ravdess" / "corpus"
    assert len(DataDir.read(prepare(folder, "corpus.options.song=true").data_dir("train")).utts) == 25
    shutil.copy(home / "Actor_01" / "03-01-01-01-02-01-01.wav", home / "Actor_01" / "mine.wav")
    with pytest.raises(DataError, match="1 files of .* are not called as those of RAVDESS, such as .*: mine"):
        prepare(folder)
    with pytest.raises(DataError, match="has no Actor_01"):
        prepare(folder, f"corpus.root={home / 'Actor_02'}")
