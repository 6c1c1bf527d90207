"""What a run logged over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ..utils import parse_json

SCALARS = "vis_data/scalars.json"


@dataclass(frozen=True)
class Entry:
    """Values logged at one moment of a run.

    Args:
        iteration: iterations trained until then.
        values: by name.
    """

    iteration: float
    values: Mapping[str, Any]


@dataclass(frozen=True)
class History:
    """The logs of a run in the order of its iterations.

    Args:
        training: losses, learning rate, times, weights of the tasks, ...
        validation: metrics.
        per_epoch: iterations of an epoch; None: not counted, or not one has ended.
        broken_lines: lines of the logs that cannot be read, as a killed run leaves them.
    """

    training: list[Entry]
    validation: list[Entry]
    per_epoch: float | None
    broken_lines: int


def log_files(work_dir: Path) -> list[Path]:
    """Return the logs of a work dir, one for each time it was trained in, oldest first."""
    return sorted(work_dir.glob(f"*/{SCALARS}"))


def read_history(files: list[Path]) -> History:
    """Read the logs of a run that was trained at once, resumed, or started anew.

    What a resumed run trained again replaces what was logged of the same iterations before.

    Args:
        files: as from `log_files`: a JSON object a line, as MMEngine's LocalVisBackend writes.
    """
    records: list[dict[str, Any]] = []
    broken = 0
    for record in _lines(files):
        if record is None:
            broken += 1
            continue
        if "iter" in record:
            repeated = (i for i, r in enumerate(records) if r.get("iter", -1) >= record["iter"])
            del records[next(repeated, len(records)) :]
        records.append(record)
    training = [Entry(record["iter"], record) for record in records if "iter" in record]
    per_epoch = _iterations_per_epoch(records)
    return History(training, _validations(records, per_epoch), per_epoch, broken)


def _lines(files: list[Path]) -> Iterator[dict[str, Any] | None]:
    """Yield each line's record; None for one that is none."""
    for path in files:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    record = parse_json(line)
                    numbers = (record[key] for key in ("step", "iter", "epoch") if key in record)
                    valid = "step" in record and all(isinstance(n, int) for n in numbers)
                except (ValueError, TypeError):
                    valid = False
                yield record if valid else None


def _iterations_per_epoch(records: list[dict[str, Any]]) -> float | None:
    """Return the length of an epoch; None where epochs are not counted, or none has ended.

    The first record of every epoch is as many iterations behind its beginning.
    """
    first: dict[int, int] = {}
    for record in records:
        if "iter" in record and record.get("epoch", 0) > 0:
            first.setdefault(record["epoch"], record["iter"])
    lengths = [first[epoch + 1] - n for epoch, n in first.items() if epoch + 1 in first]
    if lengths:
        return median(lengths)
    ended = [r["iter"] / r["epoch"] for r, by_epoch in _ends(records) if by_epoch and r["epoch"]]
    return max(ended, default=None)


def _validations(records: list[dict[str, Any]], per_epoch: float | None) -> list[Entry]:
    """Return the validations, the last one of each moment."""
    found: dict[float, dict[str, Any]] = {}
    validations = (record for record in records if "iter" not in record)
    for record, (_, by_epoch) in zip(validations, _ends(records), strict=True):
        iteration = record["step"] * per_epoch if by_epoch and per_epoch else record["step"]
        found.setdefault(iteration, {}).update(record)
    return [Entry(iteration, found[iteration]) for iteration in sorted(found)]


def _ends(records: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield for each validation the last record of training before it, and what it counts.

    MMEngine counts validations in epochs (True) or in iterations, and does not say which.
    """
    last: dict[str, Any] = {}
    for record in records:
        if "iter" in record:
            last = record
        else:
            yield last, record["step"] == last.get("epoch")
