"""A Kaldi data directory: the utterances of one split and what is known of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dada.data.tables import invert, read_table, require_same_keys, write_table
from dada.errors import DataError
from dada.storage.atomic import atomic_dir

BONAFIDE, SPOOF = "bonafide", "spoof"
UNKNOWN = "unknown"  # the class of an attack that an open-set system was not trained on
NO_SPEAKER = NO_ATTACK = "-"  # in utt2spk where nobody is named, in utt2attack of bona fide speech
# Tables that describe utterances one by one; every other utt2… is a condition, and results are broken down by
# it.
NOT_CONDITIONS = frozenset({"utt2spk", "utt2label", "utt2dur", "utt2num_frames", "utt2source"})


def readable(value: str) -> str:
    """Return a class or condition as text: `in_character` as `in character`, `bonafide` as `bona fide`."""
    return "bona fide" if value == BONAFIDE else value.replace("_", " ")


def table_names(path: Path) -> list[str]:
    """The tables of a data directory that describe utterances: wav.scp, text, reco2dur, and every utt2…"""
    return sorted(
        p.name
        for p in Path(path).iterdir()
        if p.name in ("wav.scp", "text", "reco2dur") or (p.name.startswith("utt2") and p.suffix == "")
    )


def table_of(name: str) -> str:
    """The table that holds a property: utt2spk for `speaker`, utt2attack for `attack`, and so on."""
    return f"utt2{'spk' if name == 'speaker' else name}"


def class_table(labels: Sequence[str]) -> str:
    """The table with the classes of a system: utt2label for bona fide and spoof, utt2attack for attacks, and
    where no class is named.
    """
    return "utt2label" if labels and set(labels) <= {BONAFIDE, SPOOF} else "utt2attack"


@dataclass
class DataDir:
    """Tables of one split by file name, each utterance -> value, all with the same utterances in the same
    order.

    `wav.scp` or `text` must be there. `utt2spk` holds the purported speaker, `utt2label` bonafide or spoof,
    `utt2source` what the utterance was spoken from (a line, a page), so that one source never stands on two
    sides of a split.
    """

    path: Path
    tables: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path, tables: Mapping[str, Mapping[str, str]]) -> "DataDir":
        """A folder that would be written to `path`, from tables in any order."""
        return cls(
            Path(path),
            {
                name: {utt: table[utt] for utt in sorted(table, key=str.encode)}
                for name, table in tables.items()
            },
        )

    @classmethod
    def read(cls, path: Path, require: tuple[str, ...] = ()) -> "DataDir":
        """Read every table of a folder and check it (DataError): keys agree, labels are known, no pipes,
        `require` is there.
        """
        path = Path(path)
        if not path.is_dir():
            raise DataError(f"{path} is not there: stage prepare_data makes the data directories")
        tables: dict[str, dict[str, str]] = {}
        keys: dict[str, str] = {}
        for name in table_names(path):
            tables[name] = read_table(path / name, keys)
            keys = keys or dict(zip(tables[name], tables[name], strict=True))
        data = cls(path, tables)
        for name in require:
            if name not in data.tables:
                raise DataError(f"{path / name} does not exist, and this step reads it")
        data.check()
        return data

    def check(self) -> None:
        """Raise DataError for tables that disagree, unknown labels, or pipes in wav.scp."""
        from dada.data.location import split_location

        if "wav.scp" not in self.tables and "text" not in self.tables:
            raise DataError(f"{self.path} has neither wav.scp nor text: it is not a data directory")
        first = "wav.scp" if "wav.scp" in self.tables else "text"
        for name, table in self.tables.items():
            require_same_keys(self.path / first, self.tables[first], self.path / name, table)
        for utt, location in self.tables.get("wav.scp", {}).items():
            if "|" not in location:  # only pipes are refused
                continue
            try:
                split_location(location)
            except DataError as error:
                raise DataError(f"{self.path / 'wav.scp'}, utterance {utt}: {error}") from error
        for utt, label in self.tables.get("utt2label", {}).items():
            if label not in (BONAFIDE, SPOOF):
                raise DataError(
                    f"{self.path / 'utt2label'}: the label of {utt} is {label!r}, expected {BONAFIDE} "
                    f"or {SPOOF}"
                )

    def write(self) -> None:
        """Write all tables, and spk2utt, as a whole folder that takes the place of an older one."""
        self.check()
        with atomic_dir(self.path) as partial:
            for name, table in self.tables.items():
                write_table(partial / name, table)
            if "utt2spk" in self.tables:
                write_table(partial / "spk2utt", invert(self.tables["utt2spk"]))

    @property
    def utts(self) -> list[str]:
        """Utterances in C order."""
        return list(self.tables["wav.scp" if "wav.scp" in self.tables else "text"])

    def __getitem__(self, name: str) -> dict[str, str]:
        """The table `name`; DataError if the folder has none."""
        try:
            return self.tables[name]
        except KeyError:
            raise DataError(f"{self.path / name} does not exist, and this step reads it") from None

    def get(self, name: str) -> dict[str, str] | None:
        """The table `name`, or None."""
        return self.tables.get(name)

    @property
    def labels(self) -> dict[str, str] | None:
        """utterance -> bonafide | spoof; None for an unlabelled set."""
        return self.tables.get("utt2label")

    @property
    def speakers(self) -> dict[str, str]:
        """utterance -> purported speaker, `-` for all where the corpus names none."""
        return self.tables.get("utt2spk") or dict.fromkeys(self.utts, NO_SPEAKER)

    @property
    def durations(self) -> dict[str, float] | None:
        """utterance -> seconds by utt2dur or reco2dur, a recording being an utterance here; None without.

        Raise DataError for what is no number.
        """
        for name in ("utt2dur", "reco2dur"):
            if table := self.tables.get(name):
                try:
                    return {utt: float(seconds) for utt, seconds in table.items()}
                except ValueError as error:
                    path = self.path / name
                    raise DataError(f"{path}: a duration is no number ({error}): remove the table") from error
        return None

    def classes(self, labels: Sequence[str]) -> dict[str, str]:
        """Utterance -> its class, for a system of these labels (`class_table`); `-` among the attacks is the
        class bonafide.
        """
        return {
            utt: BONAFIDE if name == NO_ATTACK else name for utt, name in self[class_table(labels)].items()
        }

    @property
    def attack_classes(self) -> list[str]:
        """bonafide, where there is some, and every attack of utt2attack in C order: the classes of a system
        that names none itself.
        """
        return sorted(set(self.classes([]).values()), key=lambda name: (name != BONAFIDE, name.encode()))

    @property
    def conditions(self) -> dict[str, dict[str, str]]:
        """Condition name (`attack` of utt2attack) -> its table."""
        return {
            name[4:]: table
            for name, table in self.tables.items()
            if name.startswith("utt2") and name not in NOT_CONDITIONS
        }

    def subset(self, utts: Iterable[str], path: Path) -> "DataDir":
        """Return the same tables for some utterances, as a folder to be written to `path`."""
        keep = set(utts)
        unknown = sorted(keep - set(self.utts))
        if unknown:
            raise DataError(
                f"{self.path} has no utterance {unknown[0]}"
                + (f" (nor {len(unknown) - 1} others)" if len(unknown) > 1 else "")
            )
        return DataDir(
            Path(path),
            {name: {u: v for u, v in table.items() if u in keep} for name, table in self.tables.items()},
        )


def named_attacks(path: Path) -> set[str] | None:
    """Return the attacks of a data directory; None where it is not there, or names none."""
    table = Path(path) / "utt2attack"
    return set(read_table(table).values()) - {NO_ATTACK} if table.exists() else None


def sources_of(data: DataDir) -> list[str]:
    """Return the source of each utterance (utt2source); the utterance itself where the corpus names none."""
    table = data.get("utt2source") or {}
    return [table.get(utt, utt) for utt in data.utts]
