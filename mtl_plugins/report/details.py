"""Store details of the last validation, for the report, as `<work_dir>/report/metrics.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..utils import parse_json

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
        classes: C names.
        palette: R, G, B in 0..255 for each class.
        depth_unit: unit of depths.
        ignore_label: class id of pixels without truth.
        confusion: C,C pixel counts, rows are the truth; None: no segmentation was measured.
        distance_errors: see `distance_errors`; None: no depth was measured.
        cost: see `run_cost`; None: not measured.
        images: names of the images in the gallery, in order.
    """

    epoch: int
    iteration: int
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]
    depth_unit: str
    ignore_label: int
    confusion: Sequence[Sequence[int]] | None
    distance_errors: Mapping[str, Sequence[float]] | None
    cost: Mapping[str, Any] | None
    images: Sequence[str]

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
            details = cls(**parse_json(path.read_text(encoding="utf-8")))
            valid = details._is_valid()
        except (ValueError, TypeError, KeyError, AttributeError):
            valid = False
        if not valid:
            raise DataError(f"{path} is damaged; validate the run again to rewrite it.")
        return details

    def _is_valid(self) -> bool:
        size = len(self.classes)
        return (
            _all(int, (self.epoch, self.iteration, self.ignore_label))
            and _all(str, (*self.classes, *self.images, self.depth_unit))
            and _is_matrix(self.palette, size, 3, largest=255)
            and (self.confusion is None or _is_matrix(self.confusion, size, size))
            and (not self.distance_errors or _are_distance_errors(self.distance_errors))
            and (self.cost is None or _is_cost(self.cost))
        )


def _is_matrix(
    rows: Sequence[Sequence[int]], height: int, width: int, largest: float = math.inf
) -> bool:
    """Return whether rows are height x width integers in 0..largest."""
    cells = [cell for row in rows for cell in row]
    fits = len(rows) == height and all(len(row) == width for row in rows)
    return fits and _all(int, cells) and all(0 <= cell <= largest for cell in cells)


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
