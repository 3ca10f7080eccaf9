"""Stage 1 of VoxCeleb: the folders of speakers and videos to data/{train,dev,test}, by video."""

import logging
import random
from collections import defaultdict
from pathlib import Path

from dada.data import BONAFIDE, DataDir
from dada.data.counts import ALL, differences
from dada.data.find_audio import find_folder, listed, walk_audio
from dada.data.subset import divide
from dada.errors import DataError
from dada.formats.csv_list import parse

METAS = ("vox2_meta.csv", "vox1_meta.csv")

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Make every split from a random part of the corpus."""
    options, root = recipe.corpus.options, recipe.corpus_root
    home = find_folder(root, *(f"{options['folder']}/{kind}" for kind in ("wav", "aac")))
    names = walk_audio(home)
    strange = [name for name in names if name.count("/") != 2]
    if strange:
        wanted = "<speaker>/<video>/<number>"
        raise DataError(
            f"{len(strange)} files of {home} are not called {wanted}, e.g. {listed(strange)}: correct "
            "corpus.root"
        )
    differing = differences(
        {home.name: {ALL: len(names)}}, {home.name: {ALL: options["total"]} if options["total"] else {}}
    )
    if differing:
        log.warning(
            "%s does not have its published counts: %s. Is it complete? (corpus.options.total)",
            home,
            differing,
        )
    names = sorted(
        random.Random(options["seed"]).sample(names, max(1, round(options["fraction"] * len(names)))),
        key=str.encode,
    )
    owner = by_video(names, options["shares"], options["seed"])
    genders = read_genders(root)
    parts = {split: [name for name in names if owner[video_of(name)] == split] for split in recipe.all_splits}
    return [data_dir(recipe.data_dir(split), home, kept, genders) for split, kept in parts.items()]


def video_of(name: str) -> str:
    """Return the speaker and video of a file."""
    return name.rpartition("/")[0]


def by_video(names: list[str], shares: dict[str, float], seed: int) -> dict[str, str]:
    """Return video -> split. Every split gets its share of each speaker's videos; speakers with too few
    videos go to the first split.
    """
    videos: dict[str, set[str]] = defaultdict(set)
    for name in names:
        videos[name.partition("/")[0]].add(video_of(name))
    owner: dict[str, str] = {}
    few = [own for own in videos.values() if len(own) < len(shares)]
    for _, own in sorted(videos.items()):
        owner |= (
            dict.fromkeys(own, next(iter(shares)))
            if len(own) < len(shares)
            else divide(sorted(own), shares, seed)
        )
    if few:
        log.warning(
            "%d of %d speakers have too few videos to divide: they go to %s",
            len(few),
            len(videos),
            next(iter(shares)),
        )
    return owner


def read_genders(root: Path) -> dict[str, str]:
    """Return speaker -> m or f from vox2_meta.csv (commas and blanks) or vox1_meta.csv (tabs), empty without
    either.
    """
    path = next((root / name for name in METAS if (root / name).exists()), None)
    if path is None:
        log.warning("%s has no %s: genders are not known", root, " nor ".join(METAS))
        return {}
    header, lines = parse(path)
    if "Gender" not in header or not header[0].endswith("ID"):
        raise DataError(
            f"{path}:1: no columns VoxCeleb ID and Gender; it has {', '.join(header)}: fetch it again"
        )
    place = header.index("Gender")
    short = [number for number, cells in lines if len(cells) <= place]
    if short:
        raise DataError(f"{path}:{short[0]}: fewer values than the first line names: fetch it again")
    return {cells[0].strip(): cells[place].strip() for _, cells in lines}


def data_dir(path: Path, home: Path, names: list[str], genders: dict[str, str]) -> DataDir:
    """Make a split. The source of an utterance is its video."""
    utts = {name.rpartition(".")[0].replace("/", "-"): name for name in names}
    speakers = {utt: name.partition("/")[0] for utt, name in utts.items()}
    tables = {
        "wav.scp": {utt: f"{home.absolute()}/{name}" for utt, name in utts.items()},
        "utt2spk": speakers,
        "utt2label": dict.fromkeys(utts, BONAFIDE),
        "utt2source": {utt: video_of(name).replace("/", "-") for utt, name in utts.items()},
    }
    if genders:
        tables["utt2gender"] = {utt: genders.get(speaker, "-") for utt, speaker in speakers.items()}
    return DataDir.of(path, tables)
