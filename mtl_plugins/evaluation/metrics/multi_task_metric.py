"""The metric of MMEngine's evaluator: every task of the network in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmseg.registry import METRICS
from torch import Tensor

from ...errors import DataError
from ...targets import DEPTH, IGNORE_LABEL, SEMSEG, SEVERAL_TASKS, DenseTarget
from ...utils import did_you_mean
from ..functional.depth_by_distance import distance_errors
from ..functional.semseg import AbsentClass
from .class_scores import ClassScore, class_scores, class_table
from .measure import Measure
from .streaming_metric import StreamingMetric
from .tally import Pair, Tally, tally_image

MEASURED = (SEMSEG.kind, DEPTH.kind)
"""The tasks of `MultiTaskMetric`; other tasks bring a metric of their own."""


@METRICS.register_module()
class MultiTaskMetric(StreamingMetric[Tally]):
    """Measure semantic segmentation, depth or both while the validation runs.

    It streams: one confusion matrix and a handful of sums are kept, whatever the number of
    images, and it is exact on several processes.

    The metrics are named `semseg/mIoU`, `semseg/aAcc`, `semseg/mAcc`, `depth/si_log_rmse` and
    the further names of `DEPTH_METRICS`, and `multitask/score`; see `Tally.scores`. After
    `evaluate`, `confusion` (C,C int64, rows are the truth), `per_class` and `distance_errors`
    (depth errors over the distance) hold the details, None where the task was not measured.

    Args:
        tasks: of "semseg" and "depth" those that every sample must hold, truth and prediction; None
            measures what each sample holds.
        ignore_label: class id of pixels without truth.
        absent: `skip` or `zero`, see `semseg_scores`.
        min_depth, max_depth, si_lambda, si_scale: see `depth_errors`.

    Raises:
        DataError: an unknown task or `absent`, a sample without a required map, or maps that
            `confusion_matrix` or `depth_errors` refuse; the image is named.

    In a config: `val_evaluator = dict(type='MultiTaskMetric', max_depth=80)`.
    """

    new_tally = Tally
    measures = (
        Measure("semseg/mIoU", "higher", "mIoU (%)", main=True),
        Measure("semseg/mAcc", "higher", "mean accuracy (%)"),
        Measure("semseg/aAcc", "higher", "pixel accuracy (%)"),
        Measure("depth/si_log_rmse", "lower", "SI-logRMSE", main=True),
        Measure("depth/rmse", "lower", "RMSE"),
        Measure("depth/abs_rel", "lower", "relative error"),
        *(Measure(f"depth/{name}", "lower") for name in ("sq_rel", "rmse_log", "log10")),
        Measure("depth/delta1", "higher", "delta < 1.25"),
        *(Measure(f"depth/{name}", "higher") for name in ("delta2", "delta3")),
        Measure(f"{SEVERAL_TASKS}/score", "higher", "multitask score"),
    )

    def __init__(
        self,
        tasks: Sequence[str] | None = None,
        ignore_label: int = IGNORE_LABEL,
        absent: AbsentClass = "skip",
        min_depth: float = 0.01,
        max_depth: float | None = None,
        si_lambda: float = 1.0,
        si_scale: float = 100.0,
    ) -> None:
        super().__init__()
        unknown = sorted(set(tasks or ()) - set(MEASURED))
        if unknown:
            raise DataError(
                f"Unknown tasks {unknown}: expected some of {list(MEASURED)}. "
                + did_you_mean(unknown[0], MEASURED)
            )
        if absent not in get_args(AbsentClass):
            raise DataError(f"absent={absent!r}: expected one of {list(get_args(AbsentClass))}.")
        self.tasks = None if tasks is None else tuple(tasks)
        self.ignore_label = ignore_label
        self.absent = absent
        self.depth_options = {
            "min_depth": min_depth,
            "max_depth": max_depth,
            "si_lambda": si_lambda,
            "si_scale": si_scale,
        }
        self.confusion: Tensor | None = None
        self.per_class: list[ClassScore] | None = None
        self.distance_errors: dict[str, list[float]] | None = None

    def measure(self, sample: dict) -> Tally:
        """Measure one sample, a dict whose maps are `{'data': 1,H,W tensor}`."""
        semseg, depth = self._pair(sample, SEMSEG), self._pair(sample, DEPTH)
        num_classes = len(self._classes) if semseg else 0
        return tally_image(semseg, depth, num_classes, self.ignore_label, self.depth_options)

    def compute_metrics(self, results: list[Tally]) -> dict[str, float]:
        """The metrics of several tallies together."""
        total = Tally()
        for tally in results:
            total.add(tally)
        scores = total.scores(self.absent)
        if not scores:
            wanted = self.tasks or MEASURED
            raise DataError(
                f"None of {total.images} samples held truth and prediction of one of {wanted}: "
                "load the annotations in the pipeline of the evaluated data set."
            )
        self.confusion = total.confusion
        self.per_class = None
        sums = total.distance_sums
        self.distance_errors = None if sums is None else distance_errors(sums)
        if total.confusion is not None:
            self.per_class = class_scores(total.confusion, self._classes)
            if is_main_process():
                print_log(f"Classes:\n{class_table(self.per_class)}", logger="current")
        return scores

    @property
    def _classes(self) -> Sequence[str]:
        if not self.dataset_meta or "classes" not in self.dataset_meta:
            raise DataError(
                "The data set has no 'classes' in its metainfo: expected their names. "
                "Set METAINFO of the data set, or dataset_meta of the metric."
            )
        return self.dataset_meta["classes"]

    def _pair(self, sample: dict, target: DenseTarget) -> Pair | None:
        if self.tasks is not None and target.kind not in self.tasks:
            return None
        missing = [key for key in (target.prediction, target.truth) if key not in sample]
        if not missing:
            return sample[target.prediction]["data"], sample[target.truth]["data"]
        if self.tasks is not None:
            raise DataError(f"the sample lacks {missing}, which tasks={self.tasks} ask for.")
        return None
