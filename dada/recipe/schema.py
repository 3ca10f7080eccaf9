"""The schema of `recipe.yaml`. A system's schema is dada.experiment.config.SystemConfig."""

from dataclasses import dataclass, field

from dada.asr.config import TranscribeConfig
from dada.errors import ConfigError
from dada.explain.config import ExplainConfig
from dada.metrics.config import EvaluateConfig
from dada.report.config import ReportConfig
from dada.text.config import TextConfig

MISSING = "???"  # a value that only the user knows, such as where the corpus lies


@dataclass
class CorpusConfig:
    """What is prepared. `options` belong to the recipe's own local/prepare_data.py."""

    name: str = MISSING
    root: str | None = None  # folder of the corpus as distributed; relative to the recipe
    language: str = "en"  # two-letter code, for Whisper
    purported_speakers: bool = False  # whether utt2spk says who is supposed to speak
    # false: texts and their authors alone; data directories have no wav.scp, and stages that need sound don't
    # apply
    audio: bool = True
    derived_from: list[str] = field(
        default_factory=list
    )  # corpora that it is made of, for the check of what encoders were trained on
    # What stage 1 must come to: split -> label or attack, or `all` -> utterances; where protocols differ,
    # protocol -> split -> the same.
    counts: dict = field(default_factory=dict)
    options: dict = field(
        default_factory=dict
    )  # `exclude`, a list of utterances to leave out, holds for every recipe


@dataclass
class SplitsConfig:
    """Names of the splits; a corpus that is only for evaluation has no train and no dev."""

    train: str | None = "train"
    dev: str | None = "dev"
    test: list[str] = field(default_factory=lambda: ["test"])
    disjoint: list[str] = field(
        default_factory=list
    )  # what the protocol promises that splits don't share: speaker, attack, source, ...


@dataclass
class SlurmConfig:
    """What `--cmd slurm` asks the cluster for; options of sbatch by their long names, {partition: cpu, time:
    "4:00:00", mem: 8G}.
    """

    options: dict[str, str] = field(
        default_factory=lambda: {"time": "1-00:00:00"}
    )  # of every job; submitit's own limit is five minutes
    gpu: dict[str, str] = field(
        default_factory=dict
    )  # besides, with --ngpu, of the jobs that compute on a GPU; they have `gres: gpu:N`
    stages: dict[str, dict[str, str]] = field(default_factory=dict)  # stage -> besides, of its jobs

    def __post_init__(self) -> None:
        for where in (self.options, self.gpu, *self.stages.values()):
            if str(where.get("time", "")).isdigit():
                said = (
                    f"slurm: time is {where['time']}, and YAML makes such a number of 4:00:00 without quotes"
                )
                raise ConfigError(f'{said}: write "4:00:00" or "1-00:00:00"')


@dataclass
class RecipeConfig:
    """One recipe. `protocols` are ways to split the same corpus; the first is the default and needs no folder
    of its own.
    """

    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    splits: SplitsConfig = field(default_factory=SplitsConfig)
    protocols: list[str] = field(default_factory=lambda: ["main"])
    protocol: str | None = None  # run only this one
    systems: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=lambda: [1])
    # Systems besides `systems`, asked for by --system: under how many of the protocols and with how many of
    # the seeds, the first ones; 0 takes all.
    more_protocols: int = 0
    more_seeds: int = 0
    leave_out: dict[str, str] = field(
        default_factory=dict
    )  # system -> why `--system all` passes over it here
    weights: str | None = (
        None  # folder of published weights that a system's `init` names; relative to the recipe
    )
    allow_seen: bool = False  # score what a system of another recipe was trained on; the results say so
    stages: list[str] = field(default_factory=list)  # those that apply; empty means all
    transcribe: TranscribeConfig = field(default_factory=TranscribeConfig)
    text: TextConfig = field(default_factory=TextConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    explain: ExplainConfig = field(default_factory=ExplainConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    slurm: SlurmConfig = field(default_factory=SlurmConfig)  # of the place, not of the recipe: for local.yaml
