"""The files of one training run, exp/<system>/seed_<k>. No other file spells their names.

config.json        the settings that were trained with
labels.txt         the classes, one a line, in the order of the logits
weights.pt         the trained parameters; written last, so that a folder that has them is finished
run.json           how and on what the training ran
fusion.json ...    the numbers of a system that is fitted as a whole, to read: see `FITTED`
calibration.json   the map from scores to log-likelihood ratios, fitted on dev
embed/<split>/     logits.scp and embed.scp with their arks
scores/<split>.txt a score an utterance, higher is more bona fide; the .json beside it says how it was made
classes/<split>.txt the class that an attack classifier decides for
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dada.errors import DataError
from dada.storage.atomic import write_text
from dada.storage.json_file import read_json, write_json
from dada.storage.reading import read_text

if TYPE_CHECKING:
    from dada.models.inference import Outputs

FITTED = {"fusion": "fusion", "ensemble": "ensemble", "open_set": "openmax"}  # task -> name of the JSON file
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
        """Return the index of the embeddings (D,) of a split; it is written after the logits."""
        return self.path / "embed" / split / "embed.scp"

    def logits(self, split: str) -> Path:
        """Return the index of the logits (K,) of a split."""
        return self.path / "embed" / split / "logits.scp"

    def outputs(self, splits: Sequence[str]) -> list[Path]:
        """Return the indices of the embeddings and logits of some splits."""
        return [path for split in splits for path in (self.embeddings(split), self.logits(split))]

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
        """Write logits.scp and then embed.scp of a split, with their arks, one vector an utterance."""
        from dada.data.arks import write_ark

        order = sorted(range(len(outputs.utts)), key=lambda i: outputs.utts[i].encode())
        for path, rows in (
            (self.logits(split), outputs.logits),
            (self.embeddings(split), outputs.embeddings),
        ):
            write_ark(path, ((outputs.utts[i], rows[i].numpy()) for i in order))

    def read_outputs(self, split: str) -> "Outputs":
        """Return the outputs of a split, sorted by utterance. Raise DataError where they are missing."""
        import torch

        from dada.data.arks import ArkReader
        from dada.models.inference import Outputs

        logits, embeddings = ArkReader(self.logits(split)), ArkReader(self.embeddings(split))
        utts = list(embeddings)
        stack = [torch.stack([torch.tensor(reader[utt]) for utt in utts]) for reader in (logits, embeddings)]
        return Outputs(utts, *stack)
