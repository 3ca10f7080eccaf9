"""Several data directories into one."""

import logging
from collections.abc import Sequence
from pathlib import Path

from dada.data.datadir import DataDir
from dada.errors import DataError

log = logging.getLogger(__name__)


def combine(sources: Sequence[DataDir], path: Path) -> DataDir:
    """The utterances of all sources, as a folder that would be written to `path`.

    A table stays only where every source has it; what is dropped is logged. An utterance may be in several
    sources if they say the same of it. Raises DataError naming the utterances of which they don't.
    """
    names = sorted(set.intersection(*(set(source.tables) for source in sources)))
    for name in sorted({name for source in sources for name in source.tables} - set(names)):
        missing = [str(source.path) for source in sources if name not in source.tables]
        log.warning(
            "%s is dropped, because %s %s none",
            name,
            ", ".join(missing),
            "has" if len(missing) == 1 else "have",
        )
    if not {"wav.scp", "text"} & set(names):
        raise DataError(
            f"neither wav.scp nor text is in all of {', '.join(str(source.path) for source in sources)}: "
            "nothing would be left"
        )
    tables: dict[str, dict[str, str]] = {}
    conflicts: list[str] = []
    repeated = sum(len(source.utts) for source in sources) - len(
        {utt for source in sources for utt in source.utts}
    )
    for name in names:
        merged: dict[str, str] = {}
        for source in sources:
            conflicts += [
                f"{utt} has {merged[utt]!r} and in {source.path / name} {value!r}"
                for utt, value in source.tables[name].items()
                if merged.get(utt, value) != value
            ]
            merged.update(source.tables[name])
        tables[name] = {utt: merged[utt] for utt in sorted(merged, key=str.encode)}
    if conflicts:
        more = f" (and {len(conflicts) - 5} more)" if len(conflicts) > 5 else ""
        raise DataError(
            f"the sources say different things of one utterance: {'; '.join(conflicts[:5])}{more}: rename "
            "or remove one of each"
        )
    if repeated:
        log.warning("%d utterances are in several sources, which agree on them; each is kept once", repeated)
    return DataDir(Path(path), tables)
