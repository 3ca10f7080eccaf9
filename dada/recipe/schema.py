"""The schema of `recipe.yaml`. A system's schema is dada.experiment.config.SystemConfig."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from dada.asr.config import TranscribeConfig
from dada.devices import DeviceConfig
from dada.errors import ConfigError
from dada.evaluation_settings import EvaluateConfig
from dada.explain.config import ExplainConfig
from dada.limits import FromZero, Limits, Names, checked
from dada.report.config import ReportConfig
from dada.text.config import TextConfig

ALL = "all"  # value of --system and of protocol
MISSING = "???"  # a value that the user has to set, such as the folder of the corpus


@dataclass
class CorpusConfig:
    """The corpus. `options` are read by the recipe's own local/prepare_data.py."""

    name: str = MISSING
    root: str | None = None  # folder of the corpus as distributed; relative to the recipe
    language: str = "en"  # two-letter code, for Whisper
    purported_speakers: bool = False  # whether utt2spk names the purported speaker of each trial
    # false: texts and their authors only; data directories have no wav.scp, and stages that need audio do not
    # apply
    audio: bool = True
    # false: all speech is spoofed, so that systems with the classes of their training data, attacks alone,
    # have no countermeasure score
    bonafide: bool = True
    # corpora that it is made of, for notes on the training data of encoders
    derived_from: list[str] = field(default_factory=list)
    # Expected counts of stage 1: split -> label, attack or `all` -> number of utterances. Where protocols
    # differ: protocol -> split -> the same.
    counts: dict = field(default_factory=dict)
    # every recipe has the options `exclude`, a file that lists utterances to leave out, and `text_only`, data
    # directories without audio
    options: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        errors: list[str] = []
        common: dict[str, tuple[Any, Any]] = {"exclude": (str | None, None), "text_only": (Names, [])}
        for name, (hint, default) in common.items():
            if name in self.options:
                value = checked(hint, default, self.options[name], f"corpus.options.{name}", errors)
                self.options = {**self.options, name: value}
        by_split = dict[str, dict[str, FromZero]]
        by_protocol = any(isinstance(n, dict) for split in self.counts.values() for n in _values(split))
        checked(dict[str, by_split] if by_protocol else by_split, {}, self.counts, "corpus.counts", errors)
        if errors:
            raise ConfigError(*errors)


def _values(mapping: object) -> list:
    return list(mapping.values()) if isinstance(mapping, dict) else []


@dataclass
class SplitsConfig:
    """Names of the splits. A corpus for evaluation only has no train and no dev."""

    train: str | None = "train"
    dev: str | None = "dev"
    test: Names = field(default_factory=lambda: ["test"])
    # what no two splits share under the protocol: speaker, attack, source, ...
    disjoint: Names = field(default_factory=list)


@dataclass
class SlurmConfig:
    """Options of sbatch for `--cmd slurm`, by their long names: {partition: cpu, time: 4:00:00, mem: 8G}."""

    # of every job; without a time, a cluster sets its own, often short
    options: dict[str, str] = field(default_factory=lambda: {"time": "1-00:00:00"})
    # with --ngpu, also of jobs that compute on a GPU; these have `gres: gpu:N`
    gpu: dict[str, str] = field(default_factory=dict)
    stages: dict[str, dict[str, str]] = field(default_factory=dict)  # stage -> further options of its jobs


@dataclass
class RecipeConfig:
    """One recipe. `protocols` are ways to split the same corpus; the first has no folder of its own."""

    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    splits: SplitsConfig = field(default_factory=SplitsConfig)
    protocols: Annotated[list[str], Limits(min_items=1, distinct=True)] = field(
        default_factory=lambda: ["main"]
    )
    protocol: str = ALL  # the one to run, or `all`
    systems: Names = field(default_factory=list)
    seeds: Annotated[list[FromZero], Limits(min_items=1, distinct=True)] = field(default_factory=lambda: [1])
    # system -> its training seeds, where they are not `seeds`; those of its branches must hold them as well
    system_seeds: dict[str, list[FromZero]] = field(default_factory=dict)
    # Numbers of protocols and of seeds, from the first on, for systems of --system that `systems` does not
    # list; 0 takes all.
    more_protocols: int = 0
    more_seeds: int = 0
    # system -> the reason why `--system all` leaves it out
    leave_out: dict[str, str] = field(default_factory=dict)
    # folder of published weights that a system's `init` names; relative to the recipe
    weights: str | None = None
    # score test audio that a system of another recipe was trained on; the results give the number of trials
    allow_seen: bool = False
    # a sentence on what its systems are not made for, which `dada detect` and exported systems show
    caveat: str = ""
    stages: Names = field(default_factory=list)  # those that apply; empty means all
    transcribe: TranscribeConfig = field(default_factory=TranscribeConfig)
    text: TextConfig = field(default_factory=TextConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    explain: ExplainConfig = field(default_factory=ExplainConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    devices: DeviceConfig = field(default_factory=DeviceConfig)
    slurm: SlurmConfig = field(default_factory=SlurmConfig)  # depends on the cluster: belongs in local.yaml

    @property
    def protocols_to_run(self) -> list[str]:
        """Names of the protocols to run."""
        return self.protocols if self.protocol == ALL else [self.protocol]
