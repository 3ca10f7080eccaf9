"""Audio in arks: the same clips as from single files, within the bounds of the ark, packed in one go."""

import os

import kaldiio
import numpy as np
import pytest

from dada.data import DataDir, read_audio, write_audio, write_table
from dada.data.audio import read_header
from dada.data.audio_arks import Entry
from dada.data.dataset import audio_dataset
from dada.data.pack import pack
from dada.data.seen import find_seen
from dada.data.validate import validate
from dada.errors import DataError
from dada.experiment.config import SystemConfig
from dada.models.inference import make_batches


@pytest.fixture
def data(tmp_path) -> DataDir:
    """Seven clips of different lengths, in FLAC and WAV by turns."""
    rng, locations = np.random.default_rng(0), {}
    for i in range(7):
        path = tmp_path / "clips" / f"u{i}.{'flac' if i % 2 else 'wav'}"
        write_audio(path, rng.uniform(-0.5, 0.5, 900 + 37 * (i * 5 % 7)))
        locations[f"u{i}"] = str(path)
    labels = {utt: "bonafide" if i % 2 else "spoof" for i, utt in enumerate(locations)}
    DataDir(tmp_path / "data", {"wav.scp": locations, "utt2label": labels}).write()
    return DataDir.read(tmp_path / "data")


@pytest.fixture
def packed(data, tmp_path) -> DataDir:
    assert pack(data, tmp_path / "packed", size=5_000) > 1
    return DataDir.read(tmp_path / "packed")


def test_a_packed_folder_gives_the_same_clips_and_batches(data, packed):
    system = SystemConfig(name="x")
    system.input.kind, whole = "waveform", []
    for part in (data, packed):
        dataset = audio_dataset(part, system, None, training=True)
        whole.append(([dataset[i][1].tolist() for i in range(7)], make_batches(dataset, 3), dataset.lengths))
    assert whole[0] == whole[1] and len(set(whole[0][2])) == 7
    assert packed["utt2label"] == data["utt2label"] and not validate(packed.path).errors
    headers = [[read_header(location) for location in part["wav.scp"].values()] for part in (data, packed)]
    assert headers[0] == headers[1]


def test_kaldiio_reads_what_is_packed(data, packed):
    for utt, location in packed["wav.scp"].items():
        rate, samples = kaldiio.load_mat(location)
        assert rate == 16_000 and len(samples) == read_header(data["wav.scp"][utt]).num_samples


def test_no_header_is_opened_where_a_table_has_the_durations(data, tmp_path, monkeypatch):
    monkeypatch.setattr("dada.data.dataset.read_header", lambda location: pytest.fail("a header was opened"))
    system = SystemConfig(name="x")
    system.input.kind = "waveform"
    seconds = {utt: str(1 + i / 100) for i, utt in enumerate(data.utts)}
    for name in ("utt2dur", "reco2dur"):
        write_table(data.path / name, seconds)
        dataset = audio_dataset(DataDir.read(data.path), system, None, training=True)
        assert dataset.lengths == [16_000 + 160 * i for i in range(7)]
        os.remove(data.path / name)
    write_table(data.path / "utt2dur", {**seconds, "u3": "long"})
    with pytest.raises(DataError, match="utt2dur: a duration is no number .*'long'"):
        audio_dataset(DataDir.read(data.path), system, None, training=True)


def test_the_length_of_an_entry_comes_from_its_header(packed):
    """Also of an ark of Kaldi's, which has no durations beside it."""
    os.remove(packed.path / "utt2dur")
    system = SystemConfig(name="x")
    system.input.kind = "waveform"
    dataset = audio_dataset(DataDir.read(packed.path), system, None, training=True)
    assert dataset.lengths == [len(dataset[i][1]) for i in range(7)]


def test_a_copy_in_an_ark_is_found(data, packed, tmp_path):
    renamed = {f"new-{utt}": place for utt, place in packed["wav.scp"].items()}
    assert find_seen(renamed, data["wav.scp"], same_corpus=False).utts == {
        f"new-{utt}": utt for utt in data.utts
    }


def test_entries_beyond_the_ark_are_refused(packed):
    place = packed["wav.scp"]["u0"]
    path, _, offset = place.rpartition(":")
    size = os.path.getsize(path)
    with pytest.raises(DataError, match=f"has {size:,} bytes, none of them at 99,999,999"):
        read_audio(f"{path}:99999999")
    (finding,) = _report(packed, {"u0": f"{path}:{size}"}).errors
    assert f"none of them at {size:,}" in finding.what and finding.advice == "pack the audio again"
    os.truncate(path, int(offset) + 60)
    with pytest.raises(DataError, match="it states more bytes than the ark holds"):
        read_audio(place)


def _report(data: DataDir, changed: dict[str, str]):
    write_table(data.path / "wav.scp", {**data["wav.scp"], **changed})
    return validate(data.path)


def test_a_pipe_in_the_place_of_an_ark_is_refused(packed, tmp_path):
    os.mkfifo(tmp_path / "fifo.ark")
    with pytest.raises(DataError, match="is a device or a pipe"):
        read_audio(f"{tmp_path / 'fifo.ark'}:5")


def test_a_replaced_ark_is_opened_again_and_the_old_one_closed(tmp_path):
    path = tmp_path / "x.ark"
    for value in (0.25, 0.5):
        write_audio(tmp_path / "a.wav", np.full(100, value))
        os.replace(tmp_path / "a.wav", path)
        assert read_audio(f"{path}:0")[0] == pytest.approx(value, abs=1e-4)
    entry = Entry(str(path), 0)
    number = entry._ark.number
    from dada.data import audio_arks

    audio_arks._kept_open.cache_clear()
    os.fstat(number)
    del entry
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_a_clip_that_cannot_be_read_leaves_nothing_behind(data, tmp_path):
    with open(data["wav.scp"]["u4"], "wb") as file:
        file.write(b"RIFF no audio")
    with pytest.raises(DataError, match="utterance u4: .*u4.wav cannot be read as audio"):
        pack(data, tmp_path / "packed")
    assert not [path for path in tmp_path.iterdir() if "packed" in path.name]
