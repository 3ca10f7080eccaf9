"""The ADD 2023 challenge: each part of a track is a folder with wav/ and, if its labels are public,
label.txt.

A label.txt:

    ADD2023_T1.2_T_00000000.wav genuine
    ADD2023_T1.2_T_00000001.wav fake
"""

import logging
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from dada.data.datadir import NO_SPEAKER, DataDir
from dada.data.find_audio import find_audio, require_folders, walk_audio
from dada.formats.columns import Layout, read_layout, refuse_lines, repeats

LABELS = Layout("list of labels", ("file", "class"))

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
    """Make the data directory of `folder`, with the classes of its label.txt, renamed by `classes`, as
    `table`.

    The corpus names no speakers. A `test` without label.txt is unlabelled, with a warning; the audio of a
    test may also lie in `folder` itself. Raise DataError for a list or audio that is not as distributed.
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
    class_of = read_labels(labels, classes, prefix)
    audio = find_audio([wav], class_of, allow_missing)
    return DataDir.of(
        path,
        {
            "wav.scp": audio,
            "utt2spk": dict.fromkeys(audio, NO_SPEAKER),
            table: {utt: class_of[utt] for utt in audio},
        },
    )


def read_labels(path: Path, classes: Mapping[str, str], prefix: str = "") -> dict[str, str]:
    """Return utterance (the file without its ending) -> its class, renamed by `classes`.

    Raise DataError, with file and line, for unknown classes, files listed twice, and utterances that do not
    begin with `prefix`.
    """
    rows = read_layout(path, LABELS)
    rows.refuse("class", classes.__contains__, f"the classes of this list are {', '.join(classes)}")
    utts = [PurePosixPath(name).stem for name in rows.values["file"]]
    strange = [(line, utt) for line, utt in zip(rows.lines, utts, strict=True) if not utt.startswith(prefix)]
    refuse_lines(path, strange, f"utterances here begin with {prefix}: is it the list of another part?")
    repeated = [(rows.lines[i], f"{utts[i]} is already in line {rows.lines[j]}") for i, j in repeats(utts)]
    refuse_lines(path, repeated, "keep one line of each file")
    return {utt: classes[name] for utt, name in zip(utts, rows.values["class"], strict=True)}
