"""What a run keeps of its last validation beside the metrics, as a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..utils import parse_json

FOLDER = "report"
NUMBERS = {"macs", "height", "width"}
COST_KEYS = {"parameters", "machine", *NUMBERS}
PARTS = {"encoder", "decoders", "task_heads", "rest"}
COLUMNS = {"near", "far", "pixels", "abs_rel", "log_bias", "rmse_log"}


@dataclass(frozen=True)
class Details:
    """Written by `ReportHook`, read by `tools/report.py`.

    Args:
        epoch, iteration: when the validation was.
        classes: their names.
        palette: one R, G, B in 0..255 a class.
        depth_unit: what depths are measured in.
        ignore_label: class id of pixels without truth.
        confusion: C,C counts, rows are the truth; None: no segmentation was measured.
        distance_errors: see `distance_errors`; None: no depth was measured.
        cost: see `run_cost`.
        images: names of the images in the gallery, in their order.
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
        """Return the path of a run's file."""
        return Path(work_dir, FOLDER, "metrics.json")

    @staticmethod
    def gallery(work_dir: str | Path) -> Path:
        """Return the folder of a run's images."""
        return Path(work_dir, FOLDER, "gallery")

    def write(self, work_dir: str | Path) -> None:
        """Write the file of a run."""
        path = self.path(work_dir)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, work_dir: str | Path) -> Details | None:
        """Return the details of a run; None: it kept none.

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
            raise DataError(f"{path} is damaged; validating the run again writes it anew.")
        return details

    def _is_valid(self) -> bool:
        size = len(self.classes)
        errors, cost = self.distance_errors or {}, self.cost
        return all(
            (
                _all(int, (self.epoch, self.iteration, self.ignore_label)),
                _all(str, (*self.classes, *self.images, self.depth_unit)),
                len(self.palette) == size,
                all(len(c) == 3 and _all(int, c) for c in self.palette),
                all(0 <= channel < 256 for color in self.palette for channel in color),
                self.confusion is None
                or (
                    (len(self.confusion) == size)
                    and all(len(row) == size and _all(int, row) for row in self.confusion)
                    and all(count >= 0 for row in self.confusion for count in row)
                ),
                len({len(column) for column in errors.values()}) <= 1,
                all(_all((int, float), column) for column in errors.values()),
                not errors or set(errors) >= COLUMNS,
                all(
                    value > 0 for key in ("near", "far", "pixels") for value in errors.get(key, ())
                ),
                cost is None or _is_cost(cost),
            )
        )


def _is_cost(cost: Mapping[str, Any]) -> bool:
    parts = cost["parameters"]
    numbers = [*(parts[part] for part in PARTS), *(cost[key] for key in NUMBERS)]
    return cost.keys() >= COST_KEYS and _all((int, float), numbers)


def _all(kind: type | tuple[type, ...], values: Iterable[Any]) -> bool:
    return all(isinstance(value, kind) for value in values)
