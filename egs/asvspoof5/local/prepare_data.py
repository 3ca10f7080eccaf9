"""Stage 1 of ASVspoof 5: the protocols of track 1 to data/{train,dev,eval}."""

from pathlib import Path

from dada.data import DataDir
from dada.data.find_audio import find_audio, find_folder
from dada.errors import ConfigError
from dada.formats.asvspoof import ASVSPOOF5, make_data_dir, read_protocol

SPLITS = {  # split -> its protocol, the beginning of its utterances, where its audio may lie
    "train": ("ASVspoof5.train.tsv", "T_", ("flac_T",)),
    "dev": ("ASVspoof5.dev.track_1.tsv", "D_", ("flac_D",)),
    "eval": ("ASVspoof5.eval.track_1.tsv", "E_", ("flac_E_eval", "flac_E")),
}
CONDITIONS = ("gender", "codec", "attack_tag")


def prepare(recipe) -> list[DataDir]:
    """Make the three splits."""
    root = recipe.corpus_root
    return [split_dir(recipe, root, name) for name in recipe.all_splits]


def split_dir(recipe, root: Path, split: str) -> DataDir:
    """Make a split. The protocols may lie beside the audio or in the folder of their archive."""
    if split not in SPLITS:
        raise ConfigError(f"ASVspoof 5 has no split {split!r}; known: {', '.join(SPLITS)}")
    name, prefix, folders = SPLITS[split]
    protocol = read_protocol(find_folder(root, name, f"ASVspoof5_protocols/{name}"), ASVSPOOF5, prefix)
    audio = find_audio(
        [find_folder(root, *folders)],
        protocol.values["trial"],
        recipe.corpus.options.get("allow_missing", False),
    )
    return make_data_dir(recipe.data_dir(split), protocol, audio, CONDITIONS)
