"""The schema of `train:`, and of a whole system."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from dada.data.input import InputConfig, plain_input
from dada.evaluation_settings import ScoreKind
from dada.limits import FromZero, Names, Positive, Rate

# Settings of `train:` that change the time of a training and not its result, with their defaults.
OF_SPEED: dict[str, Any] = {"num_workers": None, "checkpoint_steps": 0}
# Settings of a system that say how its outputs become scores and how these are read: no training knows them.
OF_SCORES = ("score", "score_kind")
OF_MEMORY = ("recompute",)  # settings of `model:` that change memory and time alone
# Settings of models and encoders that later releases added, with the defaults that leave results as
# they were.
ADDED: dict[str, Any] = {
    "final_norm": True,
    "lora_rank": 0,
    "lora_alpha": 16.0,
    "lora_dropout": 0.0,
    "lora_targets": [],
    "encoder_dropout": None,
    "pretrained": True,
    "leave_out": [],
    "by_accuracy": False,
    "token_pooling": "mean",
    "layer_pooling": "concatenate",
    "attention_size": 128,
    "branch_size": 0,
    "input_dropout": 0.0,
    "residual": False,
    "control": "none",
    "output_layer": "linear",
}
Task = Literal["audio", "text", "fusion", "ensemble", "open_set"]


@dataclass
class OptimConfig:
    """`lr` is the learning rate; `betas` only serve adam and adamw, `momentum` only sgd.

    Parameters whose names start with a key of `lr_scales` learn at that many times the rate: {encoder: 0.01}.
    """

    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: Positive = 1e-3
    weight_decay: float = 0.0
    betas: list[Rate] = field(default_factory=lambda: [0.9, 0.999])
    momentum: Rate = 0.9
    lr_scales: dict[str, float] = field(default_factory=dict)


@dataclass
class ScheduleConfig:
    """How the learning rate moves from `optim.lr` to `final_lr`, per step or per epoch."""

    # a function of dada/train/schedules.py
    name: Literal["constant", "linear", "cosine", "step", "exponential", "sigmoid", "plateau"] = "constant"
    final_lr: float = 0.0
    per: Literal["epoch", "step"] = "epoch"
    step_size: int = 10  # epochs between two drops (step)
    gamma: Positive = 0.1  # factor of a drop (step, exponential, plateau)
    patience: FromZero = 3  # epochs without improvement before a drop (plateau)


@dataclass
class EarlyStopConfig:
    """Stop when `metric` on dev has not improved by `min_delta` for `patience` epochs; 0 never stops.

    `claim_eer` is the EER of the log odds of each class: an utterance's own against those of all others.
    """

    metric: Literal["eer", "loss", "accuracy", "abx", "claim_eer"] = "eer"
    patience: int = 0
    min_delta: float = 0.0


@dataclass
class SamConfig:
    """Sharpness-aware minimisation: update by the gradients at the worst point within `rho` of the weights.

    It takes two passes over each batch. Usual values are 0.05 to 0.1, adaptive 0.5 to 2.
    """

    rho: float = 0.0  # 0 updates by the gradients at the weights
    adaptive: bool = False  # measure the distance relative to the size of each weight


@dataclass
class AverageConfig:
    """A mean of the weights, which is scored on dev and saved in their place: swa over the ends of epochs,
    ema over updates.
    """

    name: Literal["none", "swa", "ema"] = "none"
    start: FromZero = 0  # epochs of the phase before the mean begins; until then the weights are scored
    decay: Rate = 0.999  # ema: share of the mean that an update keeps
    # batches of train that batch statistics are computed from after each epoch; 0 takes all of train
    statistics_batches: FromZero = 0


@dataclass
class TrainConfig:
    """One phase of training, or several: each entry of `phases` overrides some of these keys, and they run in
    order.
    """

    epochs: FromZero = 10  # 0 keeps the weights of `init` as they are
    max_batches: int = 0  # of an epoch, from another random part of train in each; 0 takes all of train
    batch_size: int = 16  # utterances of an update (triples with sampler: triplets), over all GPUs
    # seconds of an update, padding included, over all GPUs, in place of batch_size; 0 counts utterances
    batch_seconds: float = 0.0
    drop_last: bool = False  # leave out the last batch of an epoch where it is smaller
    # balanced has equal shares of the classes, balanced_corpora also of the corpora of train_on
    sampler: Literal["shuffle", "balanced", "balanced_corpora", "triplets"] = "shuffle"
    # what makes two utterances a positive pair (sampler: triplets)
    triplets_by: Literal["speaker", "label"] = "speaker"
    # {name: ..., settings of its Config}
    loss: dict = field(default_factory=lambda: {"name": "cross_entropy"})
    optim: OptimConfig = field(default_factory=OptimConfig)
    sam: SamConfig = field(default_factory=SamConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    early_stop: EarlyStopConfig = field(default_factory=EarlyStopConfig)
    # Whose weights a phase hands on: best | last epoch, or swa, the mean over all epochs whose
    # early_stop.metric on dev was no worse than any before, with batch statistics of train.
    keep: Literal["best", "last", "swa"] = "best"
    average: AverageConfig = field(default_factory=AverageConfig)
    # learn from utterances of these alone, and stop by them; empty takes all
    classes: Names = field(default_factory=list)
    trainable: list[str] = field(default_factory=list)  # prefixes of parameter names; empty trains all
    # [{name: mixup, ...}, ...], one after the other on every clip or batch of training
    augment: list[dict] = field(default_factory=list)
    # train on a random stretch of so many frames or samples of each input; 0 takes it as it will be scored
    crop_size: int = 0
    clip_grad_norm: float = 0.0  # 0 does not clip
    # cut a batch into so many parts, one in memory at a time; batch statistics are those of a part
    accumulate: int = 1
    sync_batch_norm: bool = True  # batch statistics over all processes, not over the rows of each
    compile: bool = False  # torch.compile: minutes at the start of each phase
    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    # loader processes; without a number none for a CPU, and for a GPU one a core but one, at most 8
    num_workers: FromZero | None = None
    # also save within an epoch, every so many steps; 0 saves after every epoch only
    checkpoint_steps: int = 0
    # also train this many models on parts of train, for out-of-fold embeddings that a fusion learns from
    folds: int = 0
    phases: list[dict] = field(default_factory=list)


# Settings of `train:` that later releases added, with the defaults that leave results as they were.
ADDED_TO_TRAIN: dict[str, Any] = {
    "sam": asdict(SamConfig()),
    "average": asdict(AverageConfig()),
    "batch_seconds": 0.0,
}


@dataclass
class SystemConfig:
    """Everything that makes a system: what it reads, the network, how it is trained."""

    name: str = ""
    task: Task = "audio"
    # Order of the logits. Classes other than spoof and bonafide are attacks, as utt2attack has them, and
    # bonafide; empty takes all that train has. A text system's are the authors.
    labels: Names = field(default_factory=lambda: ["spoof", "bonafide"])
    input: InputConfig = field(default_factory=InputConfig)
    # {name: lcnn, ...}: the settings of dada.models.<task>.<name>.Config
    model: dict = field(default_factory=dict)
    init: str | None = None  # weights to start from
    # Recipes whose train the system learns from, instead of this one's alone: [asvspoof2019, mlaad], this
    # recipe by its own name, another protocol as RECIPE:PROTOCOL. Dev is that of this recipe.
    train_on: Names = field(default_factory=list)
    train: TrainConfig = field(default_factory=TrainConfig)
    # fusion: {audio: dada_audio, text: dada_text}; ensemble: its members, {lcnn: cqt_lcnn, gmm: lfcc_gmm};
    # open_set: {classifier: ...}
    branches: dict[str, str] = field(default_factory=dict)
    # The score of a countermeasure: log_odds is logit[bonafide] - logit[spoof], bonafide_logit the one logit
    # by which the authors of some published weights score (`authors_score` of the manifest).
    score: Literal["log_odds", "bonafide_logit"] = "log_odds"
    # What the score is, where that does not follow from model, loss and sampler: only of `llr` are actDCF and
    # Cllr taken without a calibration.
    score_kind: ScoreKind | None = None
    # CPU threads of a training or scoring process: fixed, because sums in another order differ in the last
    # digits
    threads: int = 1


def names_authors(config: SystemConfig) -> bool:
    """Return whether the classes of a system are authors: of a text system, and of a pool of such."""
    return config.task == "text" or (config.task == "ensemble" and config.model.get("name") == "authors")


def result_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a system, as plain values, with those that change no training at their defaults
    or left out.

    Two experiments with equal result settings have equal weights and outputs.
    """
    train = settings.get("train")
    if not isinstance(train, dict):  # of a damaged file
        return dict(settings)
    phases = [
        {key: value for key, value in phase.items() if key not in OF_SPEED}
        if isinstance(phase, dict)
        else phase
        for phase in train.get("phases") or []
    ]
    used = {key: value for key, value in train.items() if value != ADDED_TO_TRAIN.get(key, ...)}
    changed: dict[str, Any] = {"train": {**used, **OF_SPEED, "phases": phases}}
    if isinstance(model := settings.get("model"), dict):
        inside = bool(model.get("encoder"))  # there the last state of XLS-R and its like became another one
        kept = {key: value for key, value in model.items() if key not in OF_MEMORY}
        changed["model"] = {
            key: value
            for key, value in kept.items()
            if not _is_default(key, value) or (inside and key == "final_norm")
        }
    if isinstance(source := settings.get("input"), dict):
        changed["input"] = plain_input(source)
        if isinstance(features := source.get("features"), dict):
            plain = {key: value for key, value in features.items() if not _is_default(key, value)}
            changed["input"]["features"] = plain
    left_out = OF_SCORES if settings.get("train_on") else (*OF_SCORES, "train_on")
    scored = {key: value for key, value in settings.items() if key not in left_out}
    return {**scored, **changed}


def _is_default(key: str, value: Any) -> bool:
    return key in ADDED and value == ADDED[key]
