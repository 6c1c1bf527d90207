"""Store details of the last validation, for the report, as `<work_dir>/report/metrics.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..targets import Target, targets_in
from ..utils import parse_json, read_text
from ..visualization import named_classes

FOLDER = "report"
PARTS = ("encoder", "decoders", "task_heads", "rest")
"""Parts of a network whose parameters are counted."""
COST_NUMBERS = ("macs", "height", "width")
POSITIVE_COLUMNS = ("near", "far", "pixels")
COLUMNS = {*POSITIVE_COLUMNS, "abs_rel", "log_bias", "rmse_log"}


@dataclass(frozen=True)
class Details:
    """Hold what `ReportHook` writes and `tools/report.py` reads.

    Args:
        epoch, iteration: time of the validation.
        targets: descriptions (`Target.to_dict`) by name of the targets of all other fields.
        confusion: by target, C,C pixel counts, rows are the truth.
        distance_errors: by target, see `distance_errors`.
        cost: see `run_cost`; None: not measured.
        images: names of the images in the gallery, in order.
    """

    epoch: int
    iteration: int
    targets: Mapping[str, Mapping[str, Any]]
    confusion: Mapping[str, Sequence[Sequence[int]]]
    distance_errors: Mapping[str, Mapping[str, Sequence[float]]]
    cost: Mapping[str, Any] | None
    images: Sequence[str]

    @property
    def described(self) -> dict[str, Target]:
        """Return the targets by name."""
        return targets_in(dict(targets=self.targets))

    def classes(self, name: str) -> Target:
        """Return a target with a confusion matrix, with names and colours of all its classes."""
        return named_classes(self.described[name], len(self.confusion[name]))

    @staticmethod
    def path(work_dir: str | Path) -> Path:
        """Return the path of the file."""
        return Path(work_dir, FOLDER, "metrics.json")

    @staticmethod
    def gallery(work_dir: str | Path) -> Path:
        """Return the folder of the gallery."""
        return Path(work_dir, FOLDER, "gallery")

    def write(self, work_dir: str | Path) -> None:
        """Write the file."""
        path = self.path(work_dir)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, work_dir: str | Path) -> Details | None:
        """Read the file, None if there is none.

        Raises:
            DataError: the file is damaged.
        """
        path = cls.path(work_dir)
        if not path.is_file():
            return None
        try:
            details = cls(**_since_0_1(parse_json(read_text(path))))
            valid = details._is_valid()
        except (ValueError, TypeError, KeyError, AttributeError):
            valid = False
        if not valid:
            raise DataError(f"{path} is damaged; validate the run again to rewrite it.")
        return details

    def _is_valid(self) -> bool:
        described = self.described
        return (
            _all(int, (self.epoch, self.iteration))
            and _all(str, (*self.images, *(target.unit for target in described.values())))
            and all(
                _is_matrix(counts, len(self.classes(name).classes))
                for name, counts in self.confusion.items()
            )
            and described.keys() >= self.distance_errors.keys()
            and all(map(_are_distance_errors, self.distance_errors.values()))
            and (self.cost is None or _is_cost(self.cost))
        )


def _since_0_1(content: dict[str, Any]) -> dict[str, Any]:
    """Return what version 0.1 wrote, of one label set and one distance, in the present form."""
    if "targets" in content:
        return content
    meta = {key: content[key] for key in ("classes", "palette", "depth_unit")}
    found = {key: value for key, value in content.items() if key not in {*meta, "ignore_label"}}
    targets = targets_in(meta)
    labels = next(name for name, target in targets.items() if target.type == "classes")
    distance = next(name for name, target in targets.items() if target.distance)
    for key, name in (("confusion", labels), ("distance_errors", distance)):
        found[key] = {name: found[key]} if found[key] else {}
    return dict(found, targets={name: target.to_dict() for name, target in targets.items()})


def _is_matrix(rows: Sequence[Sequence[int]], size: int) -> bool:
    """Return whether rows are size x size integers of at least 0."""
    cells = [cell for row in rows for cell in row]
    fits = len(rows) == size and all(len(row) == size for row in rows)
    return fits and _all(int, cells) and min(cells, default=0) >= 0


def _are_distance_errors(errors: Mapping[str, Sequence[float]]) -> bool:
    return (
        errors.keys() >= COLUMNS
        and len({len(column) for column in errors.values()}) == 1
        and all(_all((int, float), column) for column in errors.values())
        and all(value > 0 for key in POSITIVE_COLUMNS for value in errors[key])
    )


def _is_cost(cost: Mapping[str, Any]) -> bool:
    numbers = [*(cost["parameters"][part] for part in PARTS), *(cost[key] for key in COST_NUMBERS)]
    return "machine" in cost and _all((int, float), numbers)


def _all(kind: type | tuple[type, ...], values: Iterable[Any]) -> bool:
    return all(isinstance(value, kind) for value in values)
