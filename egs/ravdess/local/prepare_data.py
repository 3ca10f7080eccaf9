"""Stage 1 of RAVDESS: the files of every actor to data/{train,dev}, by actor."""

from pathlib import Path, PurePosixPath

from dada.data import BONAFIDE, DataDir
from dada.data.find_audio import find_folder, listed, walk_audio
from dada.data.subset import divide
from dada.errors import DataError

# A name is seven numbers, `03-01-06-01-02-01-12`: modality, channel, emotion, intensity, statement,
# repetition, actor.
NUM_FIELDS = 7
AUDIO_ONLY = "03"
CHANNELS = {"01": "speech", "02": "song"}
EMOTIONS = dict(
    zip(
        (f"{i:02d}" for i in range(1, 9)),
        ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"),
        strict=True,
    )
)
STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}


def prepare(recipe) -> list[DataDir]:
    """Make every split. Films are left out, and so are songs without the option `song`."""
    options = recipe.corpus.options
    home = find_folder(recipe.corpus_root, "Actor_01").parent
    channels = [number for number, name in CHANNELS.items() if name == "speech" or options["song"]]
    names = {PurePosixPath(name).stem: name for name in walk_audio(home) if name.startswith("Actor_")}
    check_names(home, list(names))
    kept = {
        utt: name
        for utt, name in names.items()
        if utt.split("-")[0] == AUDIO_ONLY and utt.split("-")[1] in channels
    }
    owner = divide([actor_of(utt) for utt in kept], options["shares"], options["seed"])
    parts = {
        split: {utt: name for utt, name in kept.items() if owner[actor_of(utt)] == split}
        for split in recipe.all_splits
    }
    return [data_dir(recipe.data_dir(split), home, names) for split, names in parts.items()]


def actor_of(utt: str) -> str:
    """Return the speaker."""
    return f"Actor_{utt.rpartition('-')[2]}"


def check_names(home: Path, utts: list[str]) -> None:
    """Raise DataError for names that do not consist of seven known numbers."""

    def good(fields: list[str]) -> bool:
        return (
            len(fields) == NUM_FIELDS
            and fields[1] in CHANNELS
            and fields[2] in EMOTIONS
            and fields[4] in STATEMENTS
        )

    strange = [utt for utt in utts if not good(utt.split("-"))]
    if strange:
        example = "such as 03-01-06-01-02-01-12"
        raise DataError(
            f"{len(strange)} files of {home} are not called as those of RAVDESS, {example}: {listed(strange)}"
        )


def data_dir(path: Path, home: Path, names: dict[str, str]) -> DataDir:
    """Make a split."""
    return DataDir.of(
        path,
        {
            "wav.scp": {utt: f"{home.absolute()}/{name}" for utt, name in names.items()},
            "utt2spk": {utt: actor_of(utt) for utt in names},
            "utt2label": dict.fromkeys(names, BONAFIDE),
            "utt2emotion": {utt: EMOTIONS[utt.split("-")[2]] for utt in names},
            "text": {utt: STATEMENTS[utt.split("-")[4]] for utt in names},
        },
    )
