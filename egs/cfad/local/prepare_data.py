"""Stage 1 of CFAD: the folders of a version, clean, codec or noisy, to
data/{train,dev,test_seen,test_unseen}.
"""

import re
from pathlib import PurePosixPath

from dada.data import BONAFIDE, NO_SPEAKER, SPOOF, DataDir
from dada.data.datadir import NO_ATTACK
from dada.data.find_audio import find_folder, listed, walk_audio
from dada.errors import ConfigError, DataError

ENDINGS = {
    "clean": "clean",
    "codec": "codec",
    "noisy": "noise",
}  # version -> how the folders of its splits end
AISHELL3 = re.compile(r"SSB\d{4}(?=\d)")  # the speaker, at the head of a sentence's number


def prepare(recipe) -> list[DataDir]:
    """Make the splits of the version that `recipe.protocol` names."""
    if recipe.protocol not in ENDINGS:
        raise ConfigError(f"unknown protocol {recipe.protocol!r}; known: {', '.join(ENDINGS)}")
    return [split_dir(recipe, name) for name in recipe.all_splits]


def split_dir(recipe, split: str) -> DataDir:
    """Make a split of `<real_… or fake_…>/<corpus or generator>/<name>.wav`. DataError for other files."""
    version = f"{recipe.protocol}_version"
    home = find_folder(recipe.corpus_root, f"CFAD/{version}", version) / f"{split}_{ENDINGS[recipe.protocol]}"
    tables: dict[str, dict[str, str]] = {
        name: {} for name in ("wav.scp", "utt2spk", "utt2label", "utt2attack")
    }
    stray = []
    for name in walk_audio(home):
        kind, *_, maker, file = PurePosixPath(name).parts if name.count("/") > 1 else ("", "", "")
        if kind.partition("_")[0] not in ("real", "fake"):
            stray.append(name)
            continue
        fake, stem = kind.startswith("fake"), PurePosixPath(file).stem
        utt = f"{split}-{maker}-{stem}"  # the generators keep the name of the sentence
        if utt in tables["wav.scp"]:
            raise DataError(f"{home / name} and {tables['wav.scp'][utt]} are both called {utt}: rename one")
        tables["wav.scp"][utt] = str((home / name).absolute())
        tables["utt2spk"][utt] = speaker_of(stem)
        tables["utt2label"][utt] = SPOOF if fake else BONAFIDE
        tables["utt2attack"][utt] = maker if fake else NO_ATTACK
    if stray:
        places = "real_*/<corpus>/ nor fake_*/<generator>/"
        raise DataError(
            f"{len(stray)} files of {home} lie in no {places}, e.g. {listed(stray)}: unpack the archive again"
        )
    return DataDir.of(recipe.data_dir(split), tables)


def speaker_of(stem: str) -> str:
    """Return the speaker in a file's name: of AISHELL-3, else what precedes the first `_`, else `-`."""
    match = AISHELL3.match(stem)
    return match[0] if match else stem.partition("_")[0] if "_" in stem else NO_SPEAKER
