"""The schema of `recipe.yaml`. A system's schema is dada.experiment.config.SystemConfig."""

from dataclasses import dataclass, field
from typing import Annotated

from dada.asr.config import TranscribeConfig
from dada.explain.config import ExplainConfig
from dada.limits import FromZero, Limits
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
    # corpora that it is made of, for the check of what encoders were trained on
    derived_from: list[str] = field(default_factory=list)
    # What stage 1 must come to: split -> label or attack, or `all` -> utterances; where protocols differ,
    # protocol -> split -> the same.
    counts: dict = field(default_factory=dict)
    # `exclude`, a list of utterances to leave out, holds for every recipe
    options: dict = field(default_factory=dict)


@dataclass
class SplitsConfig:
    """Names of the splits; a corpus that is only for evaluation has no train and no dev."""

    train: str | None = "train"
    dev: str | None = "dev"
    test: list[str] = field(default_factory=lambda: ["test"])
    # what the protocol promises that splits don't share: speaker, attack, source, ...
    disjoint: list[str] = field(default_factory=list)


@dataclass
class SlurmConfig:
    """Requests of `--cmd slurm`: long options of sbatch, {partition: cpu, time: 4:00:00, mem: 8G}."""

    # of every job; submitit's own limit is five minutes
    options: dict[str, str] = field(default_factory=lambda: {"time": "1-00:00:00"})
    # besides, with --ngpu, of the jobs that compute on a GPU; they have `gres: gpu:N`
    gpu: dict[str, str] = field(default_factory=dict)
    stages: dict[str, dict[str, str]] = field(default_factory=dict)  # stage -> besides, of its jobs


@dataclass
class RecipeConfig:
    """One recipe. `protocols` are ways to split the same corpus; the first is the default and needs no folder
    of its own.
    """

    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    splits: SplitsConfig = field(default_factory=SplitsConfig)
    protocols: Annotated[list[str], Limits(min_items=1)] = field(default_factory=lambda: ["main"])
    protocol: str | None = None  # run only this one
    systems: list[str] = field(default_factory=list)
    seeds: Annotated[list[FromZero], Limits(min_items=1)] = field(default_factory=lambda: [1])
    # Systems besides `systems`, asked for by --system: under how many of the protocols and with how many of
    # the seeds, the first ones; 0 takes all.
    more_protocols: int = 0
    more_seeds: int = 0
    # system -> why `--system all` passes over it here
    leave_out: dict[str, str] = field(default_factory=dict)
    # folder of published weights that a system's `init` names; relative to the recipe
    weights: str | None = None
    allow_seen: bool = False  # score what a system of another recipe was trained on; the results say so
    stages: list[str] = field(default_factory=list)  # those that apply; empty means all
    transcribe: TranscribeConfig = field(default_factory=TranscribeConfig)
    text: TextConfig = field(default_factory=TextConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    explain: ExplainConfig = field(default_factory=ExplainConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    slurm: SlurmConfig = field(default_factory=SlurmConfig)  # of the place, not of the recipe: for local.yaml
