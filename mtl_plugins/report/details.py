"""Store details of the last validation, for the report, as `<work_dir>/report/metrics.json`."""

from __future__ import annotations

import json
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
        return (
            _all(int, (self.epoch, self.iteration, self.ignore_label))
            and _all(str, (*self.classes, *self.images, self.depth_unit))
            and _is_palette(self.palette, len(self.classes))
            and (self.confusion is None or _is_confusion(self.confusion, len(self.classes)))
            and (not self.distance_errors or _are_distance_errors(self.distance_errors))
            and (self.cost is None or _is_cost(self.cost))
        )


def _is_palette(palette: Sequence[Sequence[int]], size: int) -> bool:
    channels = [channel for color in palette for channel in color]
    return (
        len(palette) == size
        and all(len(color) == 3 for color in palette)
        and _all(int, channels)
        and all(0 <= channel < 256 for channel in channels)
    )


def _is_confusion(confusion: Sequence[Sequence[int]], size: int) -> bool:
    counts = [count for row in confusion for count in row]
    return (
        len(confusion) == size
        and all(len(row) == size for row in confusion)
        and _all(int, counts)
        and min(counts, default=0) >= 0
    )


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
