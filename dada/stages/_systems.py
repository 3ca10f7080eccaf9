"""Which systems a stage works on."""

from dada.data.input import InputConfig
from dada.errors import ConfigError


def ordered(recipe) -> list[str]:
    """The selected systems and the branches of selected fusions, each once, branches before the fusions that need them."""
    names: list[str] = []
    for name in recipe.systems:
        for needed in [*recipe.system(name).branches.values(), name]:
            if needed not in names:
                names.append(needed)
    return names


def of_task(recipe, task: str) -> list[str]:
    """Those of `ordered` that are trained by the stage of one task: audio, text or fusion."""
    return [name for name in ordered(recipe) if recipe.system(name).task == task]


def input_files(recipe, config: InputConfig, split: str, labelled: bool = True) -> tuple:
    """The files of a split that an audio system reads."""
    data = recipe.data_dir(split)
    tables = (data / "utt2label", data / "utt2spk") if labelled else (data / "utt2spk",)
    if config.kind == "waveform":
        return (data / "wav.scp", *tables)
    if config.kind == "features":
        return (recipe.dump_dir(config, split) / "feats.scp", *tables)
    raise ConfigError(f"an audio system reads `input.kind` waveform or features, not {config.kind}")
