"""Stage 1 of ASVspoof 2021: the lists and keys of LA and DF to data/<track>_<subset>, and ASVspoof 2019 LA to
data/{train,dev}.
"""

import hashlib
import logging
import re
from pathlib import Path

from dada.data import DataDir
from dada.data.find_audio import find_audio, find_folder
from dada.errors import ConfigError, DataError
from dada.formats.asvspoof import (
    ASVSPOOF2021_DF,
    ASVSPOOF2021_LA,
    LIST,
    asvspoof2019_split,
    make_data_dir,
    read_protocol,
    require_covered,
)
from dada.formats.columns import Columns

LAYOUTS = {"LA": ASVSPOOF2021_LA, "DF": ASVSPOOF2021_DF}
SUBSETS = ("eval", "progress", "hidden")
CONDITIONS = ("codec", "transmission", "trim", "corpus", "vocoder", "task", "gender_pair", "language")
KEYS = "https://www.asvspoof.org/asvspoof2021/{track}-keys-full.tar.gz"
MD5 = {
    "LA": "f052cc2ed276745afa3b5198665d3b26",
    "DF": "dabbc5628de4fcef53036c99ac7ab93a",
}  # of the archives at KEYS

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Make training and development data of 2019, and every test split."""
    options = recipe.corpus.options
    allow_missing = options.get("allow_missing", False)
    training = {recipe.splits.train: "train", recipe.splits.dev: "dev"}
    made = [
        asvspoof2019_split(
            recipe.data_dir(name), recipe.option_path("asvspoof2019"), "LA", split, allow_missing
        )
        for name, split in training.items()
        if name
    ]
    for track, subsets in tracks_of(recipe.splits.test).items():
        made += track_dirs(recipe, recipe.corpus_root, track, subsets, allow_missing)
    return made


def tracks_of(splits: list[str]) -> dict[str, list[str]]:
    """Return track -> subsets, from the names of the test splits. Raise ConfigError for an unknown name."""
    tracks: dict[str, list[str]] = {}
    for split in splits:
        match = re.fullmatch(rf"(LA|DF)_({'|'.join(SUBSETS)}|all)", split)
        if not match:
            raise ConfigError(
                f"splits.test names {split!r}; known are LA_ and DF_ with {', '.join(SUBSETS)} or all, "
                "e.g. LA_eval"
            )
        tracks.setdefault(match[1], []).append(match[2])
    return tracks


def track_dirs(recipe, root: Path, track: str, subsets: list[str], allow_missing: bool) -> list[DataDir]:
    """Make the data directories of the subsets of a track."""
    home = find_folder(
        root, f"ASVspoof2021_{track}_eval", f"ASVspoof2021_{track}_eval_part00/ASVspoof2021_{track}_eval"
    )
    trials = read_protocol(home / f"ASVspoof2021.{track}.cm.eval.trl.txt", LIST, f"{track}_E_")
    parts = sorted(root.glob(f"ASVspoof2021_{track}_eval_part*/ASVspoof2021_{track}_eval/flac"))
    folders = [*parts, home / "flac"] if home / "flac" not in parts else parts
    key = read_key(root, track, trials, needed=subsets != ["all"])
    chosen = {subset: key.where("subset", subset) if subset != "all" else key or trials for subset in subsets}
    wanted = [utt for protocol in chosen.values() for utt in protocol.values["trial"]]
    audio = find_audio(folders, dict.fromkeys(wanted), allow_missing)
    return [
        make_data_dir(recipe.data_dir(f"{track}_{name}"), protocol, audio, CONDITIONS)
        for name, protocol in chosen.items()
    ]


def read_key(root: Path, track: str, trials: Columns, needed: bool) -> Columns | None:
    """Return the key of a track, None if absent and not needed. Raise DataError for a replaced archive."""
    where = KEYS.format(track=track)
    path = root / "keys" / track / "CM" / "trial_metadata.txt"
    archive = root / f"{track}-keys-full.tar.gz"
    if archive.exists():
        digest = hashlib.md5(archive.read_bytes()).hexdigest()
        if digest != MD5[track]:
            log.warning(
                "%s has the MD5 %s, and %s has %s: it is another version of the key",
                archive,
                digest,
                where,
                MD5[track],
            )
    if path.exists():
        key = read_protocol(path, LAYOUTS[track], f"{track}_E_")
        require_covered(
            trials, key, f"fetch {where}, which names the trials of all subsets, and unpack it in {root}"
        )
        return key
    if (root / "keys" / "CM").is_dir():
        raise DataError(
            f"{root / 'keys'} has no {track}/: it is of the archive that {where} replaced: unpack that one "
            f"in {root}"
        )
    if needed:
        raise DataError(
            f"{path} does not exist: unpack {where} in {root}, or score the set without labels with "
            f"splits.test=[{track}_all]"
        )
    log.warning("%s does not exist: %s_all has no labels, and nothing can be measured on it", path, track)
    return None
