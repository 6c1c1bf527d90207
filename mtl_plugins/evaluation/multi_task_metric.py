"""The metric of every target, by its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, get_args

from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmseg.registry import METRICS
from torch import Tensor

from ..errors import DataError
from ..targets import PREDEFINED, SCORED, Target, named_targets
from ..utils import did_you_mean
from .depth import ALIGNMENTS, distance_errors
from .measure import SCORE, Measure, main_measures, measures_of, multitask_score
from .semseg import AbsentClass, ClassScore, class_scores, class_table
from .streaming_metric import Pair, StreamingMetric, Sums
from .tallies import ClassSums, DistanceSums, Options, TargetSums, sums_of


@dataclass
class Tally(Sums):
    """Sums over images.

    Args:
        targets: the sums of each target, in the order of the network's tasks.
    """

    targets: dict[Target, TargetSums] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add the sums of other images."""
        self.images += other.images
        for target, sums in other.targets.items():
            self.targets.setdefault(target, type(sums)()).add(sums)


@METRICS.register_module()
class MultiTaskMetric(StreamingMetric[Tally]):
    """Measure every target whose truth and prediction a sample has.

    Only sums are kept, no images; the result does not depend on the number of processes. The
    metrics are `<target>/<metric>`:

    | type of the target   | metrics                                                               |
    |----------------------|-----------------------------------------------------------------------|
    | `classes`            | `mIoU`, `aAcc`, `mAcc`, `mF1`, `mPrecision` of one confusion matrix,  |
    |                      | percent                                                               |
    | `binary`             | `f1`, `iou`, `precision`, `recall`, `accuracy` of all pixels, percent |
    | `scalar`, a distance | those of `DEPTH_METRICS`, means over the images with a valid pixel    |
    | `scalar`             | `mae`, `rmse`, `bias` (prediction minus truth) of all pixels          |
    | `direction`          | `mean_angle`, `median_angle` (degrees; the median is exact to 0.005), |
    |                      | `within_11.25`, `within_22.5`, `within_30` (percent of all pixels)    |
    | `offset`             | `epe`, the mean distance between the vectors' ends in pixels, and     |
    |                      | `within_1px`, `within_3px` (percent of all pixels)                    |

    They are nan where nothing was measured. `<target>/images_without_<target>` counts the images
    without a valid pixel where there are any, of all but classes and masks. `multitask/score` is
    there where both targets of `SCORED` are measured.

    After `evaluate`, dicts by target hold details: `confusions` (C,C int64, rows are the truth)
    and `classes` (scores of each class) of type `classes`, `errors_by_distance` of distances.
    `confusion`, `per_class` and `distance_errors` are those of the first such target, or None.

    Args:
        tasks: names of the targets to measure, whose truth and prediction every sample must have;
            None: measure the targets that a sample has.
        ignore_label: class id of pixels without truth; default: that of the target.
        absent: `skip` or `zero`, see `semseg_scores`.
        left_out: names of classes that the means over classes leave out, see `semseg_scores`.
        min_depth, max_depth, si_lambda, si_scale: of distances, see `depth_errors`.
        depth_range: nearest and farthest true distance of the pixels that are measured.
        align: fit each predicted distance to its truth first, see `ALIGNMENTS`.
        nonfinite: of distances, see `measured_pixels`.
        average: of the metrics of distances, classes and masks: over `images`, or over all
            `pixels` at once. Default: images for distances, pixels for the others.
        stored: round directions as in an 8-bit image first, see `as_stored`. This and the options
            before, from `absent` on, may be dicts by target's name; others have the default.
        variant: name of this way to measure, for several of them in one evaluation: the metrics
            are `<target>/<variant>/<metric>`, and none of them is a main one.

    Raises:
        DataError: an option is unknown or contradictory, a sample lacks a required map, or maps do
            not fit each other or their target; the image is named.

    In a config: `val_evaluator = dict(type='MultiTaskMetric', max_depth=80)`, or with the near
    pixels apart `[dict(type='MultiTaskMetric'), dict(type='MultiTaskMetric', tasks=['depth'],
    variant='near', depth_range=(0, 20))]`.
    """

    new_tally = Tally
    measures = (*measures_of(PREDEFINED.values()),)
    types: ClassVar[tuple[str, ...]] = ()
    """Types of the measured targets, which every sample must have; (): all."""

    def __init__(
        self,
        tasks: Sequence[str] | None = None,
        ignore_label: int | None = None,
        absent: AbsentClass | Mapping[str, AbsentClass] = "skip",
        min_depth: float | Mapping[str, float] = 0.01,
        max_depth: float | Mapping[str, float] | None = None,
        si_lambda: float | Mapping[str, float] = 1.0,
        si_scale: float | Mapping[str, float] = 100.0,
        left_out: Sequence[str] | Mapping[str, Sequence[str]] = (),
        depth_range: Sequence[float] | Mapping[str, Sequence[float]] | None = None,
        align: str | Mapping[str, str] | None = None,
        average: str | Mapping[str, str] | None = None,
        nonfinite: str | Mapping[str, str] = "error",
        stored: bool | Mapping[str, bool] = False,
        variant: str = "",
    ) -> None:
        super().__init__()
        _check_choice("absent", absent, get_args(AbsentClass))
        _check_choice("align", align, (None, *ALIGNMENTS))
        _check_choice("average", average, (None, "images", "pixels"))
        _check_choice("nonfinite", nonfinite, ("error", "clamp"))
        nearest = 0.0 if isinstance(min_depth, Mapping) else min_depth
        if any(value is not None and value <= nearest for value in _values(max_depth)):
            raise DataError(f"max_depth={max_depth!r}: expected more than min_depth={min_depth!r}.")
        for value in _values(depth_range):
            pair = isinstance(value, (list, tuple)) and len(value) == 2
            if value is not None and not (pair and 0 <= value[0] < value[1]):
                raise DataError(f"depth_range={value!r}: expected (nearest, farthest) in metres.")
        if "inverse_least_squares" in _values(align) and None in _values(max_depth):
            raise DataError(
                "align='inverse_least_squares' needs max_depth, to which a fitted distance beyond "
                "the horizon is clamped."
            )
        if not all(part.isidentifier() for part in [variant] if part):
            raise DataError(f"variant={variant!r}: expected letters, digits and underscores.")
        self.variant = variant
        self.tasks = None if tasks is None else tuple(tasks)
        self.ignore_label = ignore_label
        self.options: dict[str, Any] = dict(
            tasks=self.tasks, ignore_label=ignore_label, absent=absent, min_depth=min_depth,
            max_depth=max_depth, si_lambda=si_lambda, si_scale=si_scale, left_out=left_out,
            depth_range=depth_range, align=align, average=average, nonfinite=nonfinite,
            stored=stored,
        )  # fmt: skip
        self.confusions: dict[str, Tensor] = {}
        self.classes: dict[str, list[ClassScore]] = {}
        self.errors_by_distance: dict[str, dict[str, list[float]]] = {}

    @classmethod
    def measures_for(
        cls, targets: Sequence[Target], options: Mapping[str, Any]
    ) -> Sequence[Measure]:
        """Return the measures of the chosen ones of a network's targets.

        Raises:
            ConfigError: an option names a target that the network does not predict.
            DataError: `left_out` names a class that its target does not have.
        """
        chosen = cls._chosen(targets, options)
        for target in chosen:
            _class_ids(target, _option_of(target, options.get("left_out")) or ())
        return measures_of(chosen, options.get("variant", ""))

    @property
    def confusion(self) -> Tensor | None:
        """Return the confusion matrix of the first target of type `classes`."""
        return next(iter(self.confusions.values()), None)

    @property
    def per_class(self) -> list[ClassScore] | None:
        """Return the classes' scores of the first target of type `classes`."""
        return next(iter(self.classes.values()), None)

    @property
    def distance_errors(self) -> dict[str, list[float]] | None:
        """Return the errors by distance of the first distance."""
        return next(iter(self.errors_by_distance.values()), None)

    def measure(self, sample: dict) -> Tally:
        """Measure one sample, a dict whose maps are `{'data': C,H,W tensor}`."""
        pairs: dict[Target, Pair | None] = {}
        for target in self._chosen(self.targets_of(sample), self.options):
            missing = [key for key in (target.prediction, target.truth) if key not in sample]
            if missing and (self.tasks is not None or self.types):
                raise DataError(
                    f"the sample lacks {missing}, but {type(self).__name__} must measure "
                    f"{target.name!r}. Predict it (task_heads), and load and pack (PackTargets) "
                    "its truth in the evaluated data set."
                )
            pairs[target] = (
                None
                if missing
                else (sample[target.prediction]["data"], sample[target.truth]["data"])
            )
        return self.measure_maps(pairs)

    def measure_maps(self, pairs: Mapping[Target, Pair | None]) -> Tally:
        """Measure the maps (C,H,W) of one image; None where a target has none."""
        tally = Tally(images=1)
        for target, pair in pairs.items():
            kind = sums_of(target)
            tally.targets[target] = (
                kind() if pair is None else kind.of(*pair, target, self._options_of(target))
            )
        return tally

    def compute_metrics(self, results: list[Tally]) -> dict[str, float]:
        """Compute the metrics from the sum over all images, and log those of each class."""
        (total,) = results
        scores = self.scores(total)
        if not scores:
            wanted = [target.name for target in total.targets] or self.tasks or self.types
            raise DataError(
                f"None of {total.images} samples held truth and prediction of one of {wanted}: "
                "load the annotations in the pipeline of the evaluated data set."
            )
        self.confusions, self.classes, self.errors_by_distance = {}, {}, {}
        for target, sums in total.targets.items():
            if target.classes and isinstance(sums, ClassSums) and sums.confusion is not None:
                self.confusions[target.name] = sums.confusion
                self.classes[target.name] = class_scores(sums.confusion, target.classes)
            if isinstance(sums, DistanceSums) and sums.by_distance is not None:
                self.errors_by_distance[target.name] = distance_errors(sums.by_distance)
        if is_main_process():
            for name, rows in self.classes.items():
                heading = "Classes" if name in SCORED else f"Classes of {name}"
                heading += f" ({self.variant})" if self.variant else ""
                print_log(f"{heading}:\n{class_table(rows)}", logger="current")
        return scores

    def scores(self, total: Tally) -> dict[str, float]:
        """Compute the metrics of a sum over images; empty where nothing was measured."""
        scores: dict[str, float] = {}
        for target, sums in total.targets.items():
            place = "/".join([target.name, *([self.variant] if self.variant else ())])
            if sums.images:
                found = sums.scores(self._options_of(target))
                scores |= {f"{place}/{metric}": value for metric, value in found.items()}
            if sums.without:
                scores[f"{place}/images_without_{target.name}"] = float(sums.without)
        main = main_measures(scores)
        if {*SCORED} <= {*main}:
            scores[SCORE.name] = multitask_score(*(scores[main[name].name] for name in SCORED))
        return scores

    def _options_of(self, target: Target) -> Options:
        """Return the options of a target; one that is given for other targets is left out."""
        options = {
            option: _option_of(target, given)
            for option, given in self.options.items()
            if not isinstance(given, Mapping) or target.name in given
        }
        options["left_out"] = _class_ids(target, options.get("left_out") or ())
        return options

    @classmethod
    def _chosen(cls, targets: Sequence[Target], options: Mapping[str, Any]) -> list[Target]:
        """Return the targets to measure; refuse options that name others."""
        tasks = options.get("tasks")
        lists = {option: each for option, each in options.items() if isinstance(each, Mapping)}
        for option, names in {**lists, "tasks": tasks or ()}.items():
            named_targets(targets, [*names], f"{cls.__name__}: {option}")
        return [
            target
            for target in targets
            if (tasks is None or target.name in tasks)
            and (not cls.types or target.type in cls.types)
        ]


def _values(option: Any) -> list[Any]:
    """List the values of an option that may be a dict by target's name."""
    return [*option.values()] if isinstance(option, Mapping) else [option]


def _option_of(target: Target, option: Any) -> Any:
    """Return the value for a target of an option that may be a dict by target's name."""
    return option.get(target.name) if isinstance(option, Mapping) else option


def _check_choice(name: str, option: Any, choices: Sequence[Any]) -> None:
    for value in _values(option):
        if value not in choices:
            hint = did_you_mean(str(value), [each for each in choices if each])
            raise DataError(f"{name}={value!r}: expected one of {[*choices]}. {hint}")


def _class_ids(target: Target, names: Sequence[str]) -> list[int]:
    """Return the ids of some classes of a target; none of a target without classes."""
    if not target.classes:
        return []
    names = [names] if isinstance(names, str) else names
    for name in names:
        if name not in target.classes:
            raise DataError(
                f"left_out={names!r}: {target.name!r} has no class {name!r}. "
                f"{did_you_mean(str(name), target.classes)} For one of several "
                "targets: left_out=dict(<target>=(<names>))."
            )
    return [target.classes.index(name) for name in names]


@METRICS.register_module()
class NormalsMetric(MultiTaskMetric):
    """Measure targets of type `direction` alone, which every sample must have.

    `MultiTaskMetric` measures them, too; a config that lists both gets one of them. The metrics
    are `normals/mean_angle` and the others of the type.
    """

    types = ("direction",)
    measures = (*measures_of(t for t in PREDEFINED.values() if t.type == "direction"),)

    def __init__(self) -> None:
        super().__init__()
