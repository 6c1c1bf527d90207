"""What a run logged over time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        per_epoch: iterations of an epoch; None: the run counts iterations alone.
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
    training = [record for record in records if "iter" in record]
    ratios = [record["iter"] / record["epoch"] for record in training if record.get("epoch")]
    per_epoch = max(ratios, default=None)
    return History(
        [Entry(record["iter"], record) for record in training],
        _validations(records, per_epoch),
        per_epoch,
        broken,
    )


def _lines(files: list[Path]) -> Iterator[dict[str, Any] | None]:
    """Yield each line's record; None for one that is none."""
    for path in files:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    record = json.loads(line)
                    numbers = (record[key] for key in ("step", "iter", "epoch") if key in record)
                    valid = "step" in record and all(isinstance(n, int) for n in numbers)
                except (ValueError, TypeError):
                    valid = False
                yield record if valid else None


def _validations(records: list[dict[str, Any]], per_epoch: float | None) -> list[Entry]:
    """Return the validations, the last one of each moment."""
    found: dict[float, dict[str, Any]] = {}
    epoch = None
    for record in records:
        if "iter" in record:
            epoch = record.get("epoch")
            continue
        # MMEngine counts validations in epochs or in iterations, and does not say which.
        counts_epochs = per_epoch is not None and record["step"] == epoch
        iteration = record["step"] * (per_epoch if counts_epochs else 1)
        found.setdefault(iteration, {}).update(record)
    return [Entry(iteration, found[iteration]) for iteration in sorted(found)]
