"""The files of one training run, exp/<system>/seed_<k>. No other file spells their names.

config.json        the settings that were trained with
labels.txt         the classes, one a line, in the order of the logits
weights.pt         the trained parameters; written last, so that a folder that has them is finished
run.json           how and on what the training ran
fusion.json ...    the numbers of a system that is fitted as a whole, to read: see `FITTED`
calibration.json   the map from scores to log-likelihood ratios, fitted on dev
embed/<split>/     logits.npy and embed.npy, a row an utterance, and utts.txt, which names the rows
trained_on/<split>.txt the utterances that it was trained on, or selected by
scores/<split>.txt a score an utterance, higher is more bona fide; the .json beside it says how it was made
classes/<split>.txt the class that an attack classifier decides for
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dada.data.vectors import INDEX, Vectors, merge_vectors, read_utts, write_vectors
from dada.errors import DataError
from dada.storage.atomic import write_text
from dada.storage.json_file import read_json, write_json
from dada.storage.reading import read_text

if TYPE_CHECKING:
    from dada.models.inference import Outputs

FITTED = {"fusion": "fusion", "ensemble": "ensemble", "open_set": "open_set"}  # task -> name of the JSON file
TRAIN_AGAIN = "restore it, or remove the folder and train the system again"
CALIBRATE = "remove it and run stage score again"


class ExperimentFolder:
    """Paths, readers and writers of the files of one training run."""

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)

    @property
    def config(self) -> Path:
        """Where the settings lie."""
        return self.path / "config.json"

    @property
    def labels(self) -> Path:
        """Where the list of classes lies."""
        return self.path / "labels.txt"

    @property
    def weights(self) -> Path:
        """Where the trained parameters lie."""
        return self.path / "weights.pt"

    @property
    def run(self) -> Path:
        """Where the description of the training lies."""
        return self.path / "run.json"

    @property
    def calibration(self) -> Path:
        """Where the calibration lies."""
        return self.path / "calibration.json"

    def missing(self) -> list[Path]:
        """Return those files of a finished training that do not exist."""
        return [path for path in (self.config, self.labels, self.weights) if not path.exists()]

    def fitted(self, task: str) -> Path:
        """Return where the fitted numbers of a fusion, an ensemble or an open-set system lie."""
        return self.path / f"{FITTED[task]}.json"

    def embeddings(self, split: str) -> Path:
        """Return the embeddings (N, D) of a split; they are written after the logits."""
        return self.path / "embed" / split / "embed.npy"

    def logits(self, split: str) -> Path:
        """Return the logits (N, K) of a split."""
        return self.path / "embed" / split / "logits.npy"

    def utts(self, split: str) -> Path:
        """Return the index of the logits and embeddings of a split."""
        return self.path / "embed" / split / INDEX

    def trained_on(self, split: str) -> Path:
        """Return the list of the utterances of train or dev, as training had them."""
        return self.path / "trained_on" / f"{split}.txt"

    def outputs(self, splits: Sequence[str]) -> list[Path]:
        """Return the files of the embeddings and logits of some splits."""
        files = (self.embeddings, self.logits, self.utts)
        return [file(split) for split in splits for file in files]

    def scores(self, split: str) -> Path:
        """Return where the scores of a split lie."""
        return self.path / "scores" / f"{split}.txt"

    def classes(self, split: str) -> Path:
        """Return where the decided classes of a split lie."""
        return self.path / "classes" / f"{split}.txt"

    def read_labels(self) -> list[str]:
        """Return the classes in the order of the logits. Raise DataError for a damaged file."""
        labels = read_text(self.labels, TRAIN_AGAIN).splitlines()
        if not labels or "" in labels or len(set(labels)) < len(labels):
            raise DataError(f"{self.labels} does not name classes, one a line, each once: {TRAIN_AGAIN}")
        trained = read_json(self.config, TRAIN_AGAIN).get("labels") if self.config.exists() else None
        if trained and trained != labels:
            raise DataError(f"{self.labels} names other classes than {self.config.name}: {TRAIN_AGAIN}")
        return labels

    def write_labels(self, labels: Sequence[str]) -> None:
        """Write labels.txt."""
        write_text(self.labels, "".join(f"{label}\n" for label in labels))

    def read_calibration(self) -> dict[str, Any] | None:
        """Return slope, offset and the split they were fitted on; None where scores were not calibrated."""
        needs = {"slope": float, "offset": float}
        return read_json(self.calibration, CALIBRATE, needs) if self.calibration.exists() else None

    def write_fitted(self, task: str, values: object) -> None:
        """Write the fitted numbers of a system."""
        write_json(self.fitted(task), values)

    def write_outputs(self, split: str, outputs: "Outputs") -> None:
        """Write the logits and the embeddings of a split, sorted by utterance."""
        write_outputs(self.embeddings(split).parent, outputs)

    def read_outputs(self, split: str) -> "Outputs":
        """Return the outputs of a split, sorted by utterance. Raise DataError where they are missing."""
        return read_outputs(self.embeddings(split).parent)


def write_outputs(folder: Path, outputs: "Outputs") -> None:
    """Write utts.txt, logits.npy and embed.npy, sorted by utterance."""
    matrices = {"logits": outputs.logits.numpy(), "embed": outputs.embeddings.numpy()}
    write_vectors(folder, outputs.utts, matrices)


def merge_outputs(folder: Path, parts: Sequence[Path], utts: Sequence[str]) -> None:
    """Join outputs of `write_outputs`. Raise DataError unless they hold each of `utts` once, and no other."""
    merge_vectors(folder, parts, ("logits", "embed"), utts)


def read_outputs(folder: Path) -> "Outputs":
    """Return what `write_outputs` wrote; the tensors are mapped. Raise DataError for damaged files."""
    import torch

    from dada.models.inference import Outputs

    utts = read_utts(folder / INDEX)
    parts = (Vectors(folder / f"{name}.npy", utts).rows for name in ("logits", "embed"))
    return Outputs(utts, *map(torch.from_numpy, parts))
