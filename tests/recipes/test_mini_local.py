"""The parts of egs/mini/local, on a tiny archive in the game's format."""

import io
import struct
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mini_speech import speech

from dada.errors import DadaError, DataError
from dada.recipe.local import load_local

MINI = Path(__file__).parents[2] / "egs" / "mini"
archive, channel, clips, engine, lines, sky, spoofs, synthesizers = (
    load_local(MINI, name)
    for name in ("archive", "channel", "clips", "engine", "lines", "sky", "spoofs", "synthesizers")
)
COUNTS = {"train": 2, "dev": 1, "test": 1}


def mp3_clip(seconds: float) -> bytes:
    file = io.BytesIO()
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 11_025)) / 11_025)
    soundfile.write(
        file,
        tone,
        11_025,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.85,
    )
    return file.getvalue()


def strings_block(strings: list[tuple[int, str]], start: int) -> bytes:
    block = b""
    for string_id, text in strings:
        raw = text.encode("cp437")
        block += b"\0\0" + struct.pack(">HB", string_id, len(raw)) + raw
        if raw:
            block += b"\0" * (-(start + len(block)) % 4)
    return block


def dialogue(talk_key: int, hero: list[tuple[int, str]], person: list[tuple[int, str]]) -> bytes:
    hero_start = 32 + 96
    hero_block = strings_block(hero, hero_start)
    person_start = hero_start + len(hero_block)
    head = struct.pack(">hHHHH", -1, 1, talk_key, len(hero), len(person)).ljust(22, b"\0") + struct.pack(
        ">H", person_start
    )
    return b"\0" * 20 + head.ljust(hero_start, b"\0") + hero_block + strings_block(person, person_start)


def pack(files: dict[str, bytes]) -> bytes:
    offset = 15 + 21 * len(files)
    table, body = b"", b""
    for name in sorted(files):
        table += struct.pack(">12sBII", name.encode(), 1, offset + len(body), len(files[name]))
        body += files[name]
    return b"QTBL" + b"1.00CE" + b"\1\1" + b"\1" + struct.pack(">H", len(files)) + table + body


@pytest.fixture
def queen(tmp_path):
    """BOB1 with Joe: a line in two voiced stretches, one too short, one unvoiced; BOB2: a repetition and a
    line of one's own.
    """
    files = {
        "BOB1.DOG": dialogue(
            7,
            [(1, "What is that doing here?")],
            [
                (42, "*FLWell, look at that!*02*01It is a big gorilla."),
                (43, "No."),
                (44, "Nobody says this line."),
            ],
        ),
        "BOB2.DOG": dialogue(
            8,
            [(1, "Where do we go from here?")],
            [(2, "It is a BIG gorilla!"), (3, "I never liked caves, Joe.")],
        ),
        "070001J1.SB": mp3_clip(2),
        "07002AP2.SB": mp3_clip(2),
        "07002AP4.SB": mp3_clip(3),
        "07002BP1.SB": mp3_clip(1),
        "080001J1.SB": mp3_clip(2),
        "080002P1.SB": mp3_clip(2),
        "080003P1.SB": mp3_clip(2),
    }
    path = tmp_path / "queen.1c"
    path.write_bytes(pack(files))
    return path


def test_lines_of_an_archive_have_speaker_text_and_clip(queen):
    found = {line.name: line for line in archive.Archive(queen).lines()}
    assert found["BOB1-07002AP4"].text == "It is a big gorilla." and found["BOB1-07002AP4"].speaker == "BOB"
    assert found["BOB1-070001J1"].speaker == "JOE" and found["BOB1-070001J1"].clip == "070001J1.SB"
    assert found["BOB1-07002CP1"].clip == "" and found["BOB1-07002CP1"].text == "Nobody says this line."
    assert "BOB1-07002AP1" not in found and "BOB1-07002AP3" not in found


def test_usable_lines_are_long_enough_voiced_and_said_once(queen):
    found = {line.name: line for line in lines.read_lines(archive.Archive(queen))}
    assert found["BOB1-07002AP4"].usable
    assert not found["BOB2-080002P1"].usable, "the same wording again"
    assert found["BOB2-080002P1"].source == "BOB1-07002AP4"
    assert not found["BOB1-07002BP1"].usable and not found["BOB1-07002CP1"].usable
    assert found["BOB2-080003P1"].seconds == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"XXXX" + content[4:], "does not start with QTBL"),
        (lambda content: content[:200], "cut within its table of contents"),
        (lambda content: content[:-100], "is cut: "),
        (lambda content: content[:12] + b"\2" + content[13:], "compression 2"),
    ],
)
def test_a_damaged_archive_is_refused(queen, damage, message):
    queen.write_bytes(damage(queen.read_bytes()))
    with pytest.raises(DataError, match=message):
        archive.Archive(queen)


def written(figure: str, dialogue_name: str, number: int) -> "lines.Written":
    name = f"{dialogue_name}-{number:04d}"
    return lines.Written(
        name, name, figure, dialogue_name, f"{figure} says the words number {number}", f"{name}.SB", 2.0, True
    )


@pytest.fixture
def many():
    made = [
        written(figure, f"{figure}{d}", n)
        for figure in lines.FIGURES
        if figure != "JOE"
        for d in (1, 2, 3)
        for n in range(d, d + 6)
    ]
    return made + [written("JOE", f"BOB{d}", n) for d in (1, 2, 3) for n in range(100, 112)]


@pytest.mark.parametrize("split_function", [lines.split_lines, lines.split_dialogues])
def test_splits_are_disjoint_counted_and_seeded(many, split_function):
    split = split_function(many, COUNTS, 1)
    heard = [line.source for figures in split.spoken.values() for own in figures.values() for line in own]
    assert len(heard) == len(set(heard)) == 14 * 4
    assert all(len(own) == COUNTS[name] for name, figures in split.spoken.items() for own in figures.values())
    assert all(
        split.belongs[line.source] == name
        for name, figures in split.spoken.items()
        for own in figures.values()
        for line in own
    )
    assert split_function(many, COUNTS, 1) == split and split_function(many, COUNTS, 2) != split


def test_no_dialogue_crosses_the_dialogue_splits_nor_a_wording_that_two_share(many):
    shared = lines.Written("BUD3-9999", "BUD1-0001", "BUD", "BUD3", many[0].text, "", 0.0, False)
    split = lines.split_dialogues([*many, shared], COUNTS, 1)
    home = {}
    for name, figures in split.spoken.items():
        for line in (line for own in figures.values() for line in own):
            assert home.setdefault(line.dialogue, name) == name
            assert line.source != "BUD1-0001"
    assert set(home.values()) == {"train", "dev", "test"}
    for line in many:
        if home.get(line.dialogue) in ("dev", "test"):
            assert split.belongs[line.source] != "none" or line.source == "BUD1-0001", (
                "would be learnt from as extra text"
            )


def test_a_figure_with_too_few_lines_is_made_up_for(caplog):
    assert lines.fill({"BOB": 9, "BUD": 0, "JOE": 9}, 4, "dev") == {"BOB": 6, "BUD": 0, "JOE": 6}
    assert "BUD 0" in caplog.text


MANNERS = {figure: [lines.Manner(f"{figure}.SB", 11.0)] for figure in lines.FIGURES}
PER_ENGINE = {"known": {"train": 2, "test": 1}, "unknown": {"test": 1}}


def kinds(trials, known: str) -> set[str]:
    return {trial.clip.kind for trial in trials if trial.known == known}


def test_spoofs_come_from_the_lines_of_their_split(many):
    split = lines.split_lines(many, COUNTS, 1)
    trials = spoofs.trials_of("train", split, PER_ENGINE, MANNERS, 1, "line")
    assert len(trials) == 14 * 2 + 14 * 5 * 2 and len({trial.utt for trial in trials}) == len(trials)
    assert kinds(trials, "known") == {"espeak", "flite", "piper", "world", "griffin_lim"}
    allowed = {line.name for own in split.spoken["train"].values() for line in own}
    assert all(trial.clip.source in allowed for trial in trials)
    for trial in trials:
        own = trial.clip.source.startswith(trial.clip.figure) or (
            trial.clip.figure == "JOE" and "JOE" in trial.clip.text
        )
        assert own == (trial.quote != "misattributed")
    test = spoofs.trials_of("test", split, PER_ENGINE, MANNERS, 1, "line")
    assert kinds(test, "unknown") == {"hibari", "kokoro", "festival", "codec2"}


def test_an_engine_that_is_left_out_is_unknown_and_speaks_the_same_clips(many):
    split = lines.split_lines(many, COUNTS, 1)
    whole, without = (
        {
            name: spoofs.trials_of(name, split, PER_ENGINE, MANNERS, 1, "line", left_out)
            for name in ("train", "test")
        }
        for left_out in ("", "world")
    )
    assert [t.clip for t in without["test"]] == [t.clip for t in whole["test"]]
    assert kinds(without["test"], "unknown") - kinds(whole["test"], "unknown") == {"world"}
    assert [t for t in whole["train"] if t.clip.kind != "world"] == without["train"]


def test_about_half_of_the_synthesized_texts_imitate_the_figures_voice(many):
    split = lines.split_lines(many, COUNTS, 1)
    trials = spoofs.trials_of("train", split, PER_ENGINE, MANNERS, 1, "line")
    voiced = [trial for trial in trials if trial.voice != "-"]
    assert {trial.clip.kind for trial in voiced} == {"espeak", "flite", "piper"}
    share = sum(trial.voice == "mapped" for trial in voiced) / len(voiced)
    assert 0.3 < share < 0.7
    assert all(trial.clip.voice == f"{trial.clip.figure}.SB" for trial in voiced if trial.voice == "mapped")


def game(folder: Path, numbers=range(50_000, 50_012), cut: int = 0) -> Path:
    """sky.dnr and sky.dsk with two seconds of speech each, and a file that is no speech."""
    disk, index = b"", struct.pack("<I", len(numbers) + 1)
    for number in [17, *numbers]:
        disk += b"\0" * (-len(disk) % 16)
        samples = (128 + 60 * np.sin(np.arange(22_050) * (number % 7 + 1) / 40)).astype(np.uint8).tobytes()
        in_units = len(disk) // 16 | 0x800000
        index += struct.pack("<H", number)
        index += in_units.to_bytes(3, "little") + (22 + len(samples)).to_bytes(3, "little")
        disk += b"\1" * 22 + samples
    (folder / "sky.dnr").write_bytes(index)
    (folder / "sky.dsk").write_bytes(disk[: len(disk) - cut])
    return folder


def test_speech_from_elsewhere_is_read_and_chosen(tmp_path):
    other = sky.Sky(game(tmp_path))
    assert sorted(other.entries) == list(range(50_000, 50_012)) and other.seconds(50_003) == 2.0
    samples = other.read(50_003)
    expected = 60 / 128 * np.sin(np.arange(22_050) * (50_003 % 7 + 1) / 40)
    np.testing.assert_allclose(samples, expected - expected.mean(), atol=0.02)
    trials = spoofs.trials_elsewhere(other, 5, 1)
    assert len({trial.utt for trial in trials}) == 5 and {trial.clip.figure for trial in trials} == {"SKY0"}
    assert {trial.known for trial in trials} == {trial.quote for trial in trials} == {"-"}
    assert trials == spoofs.trials_elsewhere(other, 5, 1) != spoofs.trials_elsewhere(other, 5, 2)
    with pytest.raises(DataError, match="has 12 clips of speech, and 13 are wanted"):
        spoofs.trials_elsewhere(other, 13, 1)


def test_a_damaged_game_is_refused(tmp_path):
    with pytest.raises(DataError, match="sky.dsk is cut: file 50011 ends"):
        sky.Sky(game(tmp_path, cut=100))
    (tmp_path / "sky.dnr").write_bytes((tmp_path / "sky.dnr").read_bytes()[:-3])
    with pytest.raises(DataError, match="sky.dnr is cut"):
        sky.Sky(tmp_path)
    with pytest.raises(DataError, match="run stage prepare_data to fetch it"):
        sky.Sky(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("kind", "passes"), [(clips.BONAFIDE, 1), (clips.ELSEWHERE, 2), ("toy_vocoder", 1), ("toy_speaker", 2)]
)
def test_every_clip_has_been_through_the_codec_twice(tmp_path, monkeypatch, kind, passes):
    """Recordings come from the publisher with one pass behind them, and a vocoder's version is of such a
    recording.
    """
    heard = []
    monkeypatch.setattr(channel, "mp3", lambda samples: heard.append(len(samples)) or samples)
    monkeypatch.setattr(clips, "recording", lambda name, downloads: 0.05 * speech())
    other = types.SimpleNamespace(read=lambda number: 0.05 * speech())
    monkeypatch.setattr(clips, "sky", lambda downloads: other)
    toy = types.SimpleNamespace(
        resynthesize=lambda samples, rate, name: (samples, rate),
        speak=lambda requests: [(0.05 * speech(), 11_025) for _ in requests],
    )
    monkeypatch.setattr(clips, "engine", lambda kind, downloads: toy)
    engines = {
        name: types.SimpleNamespace(copies=copies)
        for name, copies in (("toy_vocoder", True), ("toy_speaker", False))
    }
    monkeypatch.setattr(clips, "ENGINES", engines)
    clips.make_batch(
        [clips.Clip(kind, "BOB", "50001", "four words are spoken", "x.SB", 12.0)], tmp_path, tmp_path
    )
    assert len(heard) == passes


class Broken(engine.Speaker):
    name, known, tempo = "broken", True, 10.0

    def say(self, request):
        return engine.check(np.zeros(100), self.label(request)), 16_000


def test_an_engine_that_fails_stops_the_run_and_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(synthesizers.ENGINES, "broken", Broken)
    clip = clips.Clip("broken", "BOB", "BOB1-0001", "Hello there my friend", "", 11.0)
    with pytest.raises(
        DadaError, match="broken failed on BOB-broken-BOB1-0001, text 'Hello there my friend'"
    ):
        clips.make_clips([clip], tmp_path / "pool", tmp_path, {}, num_jobs=2)
    assert not list((tmp_path / "pool").rglob("*.flac"))


def test_clips_do_not_depend_on_jobs_and_are_kept(queen, tmp_path, monkeypatch):
    home = tmp_path / "downloads" / "root" / clips.GAME
    home.parent.mkdir(parents=True)
    queen.rename(home)
    found = [line for line in lines.read_lines(archive.Archive(home)) if line.usable]
    wanted = [
        clips.Clip(kind, line.figure, line.name, line.text, line.clip, 0.0)
        for line in found
        for kind in ("bonafide", "griffin_lim")
    ]
    for jobs in (1, 2):
        clips.make_clips(wanted, tmp_path / str(jobs), tmp_path / "downloads", {"flite": "2"}, jobs)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / jobs).rglob("*.flac")} for jobs in ("1", "2")
    )
    assert one == two and len(one) == len(wanted) > 4

    def never(*args):
        raise AssertionError("made again")

    monkeypatch.setattr(clips, "make_batch", never)
    clips.make_clips(wanted, tmp_path / "1", tmp_path / "downloads", {"flite": "2"}, 1)
    with pytest.raises(AssertionError, match="made again"):
        clips.make_clips(wanted, tmp_path / "1", tmp_path / "downloads", {"flite": "3"}, 1)
