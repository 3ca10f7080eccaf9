"""The ADD 2023 challenge as distributed: of every track and part a folder with wav/ and, where the labels
were given out, label.txt.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from dada.data.datadir import NO_SPEAKER, DataDir
from dada.data.find_audio import find_audio, require_folders, walk_audio
from dada.formats.label_list import read_label_list

log = logging.getLogger(__name__)


def add2023_split(
    path: Path,
    folder: Path,
    classes: Mapping[str, str],
    table: str,
    prefix: str,
    allow_missing: bool,
    test: bool,
) -> DataDir:
    """The data directory of `folder`, with the classes of its label.txt, renamed by `classes`, as `table`.
    Nobody is named as the speaker.

    A `test` without label.txt is unlabelled, with a warning; the audio of a test may also lie in `folder`
    itself. Raises DataError.
    """
    require_folders([folder])
    wav = folder / "wav" if (folder / "wav").is_dir() or not test else folder
    labels = folder / "label.txt"
    if test and not labels.exists():
        log.warning(
            "%s does not exist: %s is unlabelled, and nothing can be measured on it", labels, path.name
        )
        audio = {Path(name).stem: str(wav.absolute() / name) for name in walk_audio(wav)}
        return DataDir.of(path, {"wav.scp": audio, "utt2spk": dict.fromkeys(audio, NO_SPEAKER)})
    found = read_label_list(labels, classes, prefix)
    audio = find_audio([wav], found, allow_missing)
    speakers = dict.fromkeys(audio, NO_SPEAKER)
    return DataDir.of(
        path, {"wav.scp": audio, "utt2spk": speakers, table: {utt: found[utt] for utt in audio}}
    )
