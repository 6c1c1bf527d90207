"""Base class of metrics that keep sums instead of images and count every image once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar, Generic, TypeVar

from mmengine.dist import all_gather_object, get_dist_info
from mmengine.evaluator import BaseMetric
from torch import Tensor

from ..errors import DataError
from ..targets import SEVERAL_TASKS, Target, targets_in
from ..utils import warn
from .measure import Measure, declare_measures


@dataclass
class Sums:
    """Sums over images; subclasses add fields. Built without arguments they are empty.

    Args:
        images: number of images.
    """

    images: int = 0

    def add(self, other: Any) -> None:
        """Add the sums of other images, field by field; None is a sum over nothing."""
        for name, value in vars(other).items():
            mine = getattr(self, name)
            setattr(self, name, mine if value is None else value if mine is None else mine + value)


Pair = tuple[Tensor, Tensor]
"""Prediction and truth of one image."""


ImageScores = tuple[str, dict[str, float]]
"""Path and metrics of an image."""

T = TypeVar("T", bound=Sums)


class StreamingMetric(BaseMetric, Generic[T]):
    """Sum up measurements of images over batches and processes.

    The result does not depend on the number of processes: MMEngine's `DefaultSampler` gives
    sample i of rank r the position i * world + r and fills the last round with repeated images.
    Each rank therefore holds back its latest image and drops it if its position is behind the
    end of the data set.

    Subclasses set `new_tally` and `measures`, and implement `measure` and `compute_metrics`.
    Tables, reports, the best checkpoint and the check of names before training use `measures`.

    Attributes:
        per_image: keep the scores of every image for `image_scores`.
        image_scores: after `evaluate`, path and metrics of every image in the order of the data
            set, if `per_image` is set.

    Raises:
        DataError: `measure` raised a `ValueError`; the image is named.
    """

    chooses_measures: ClassVar[bool] = False
    """Whether `measures_for` says what is measured, in place of `measures`."""
    extras: ClassVar[tuple[str, ...]] = ()
    """What the metric needs besides predictions, see the `extras` of a model's `test_cfg`."""
    per_image = False
    image_scores: Sequence[ImageScores] = ()

    # Not None, at which MMEngine warns of a missing prefix: the names include their task.
    default_prefix = ""
    measures: ClassVar[tuple[Measure, ...]] = ()
    new_tally: ClassVar[type]
    _total: T
    _latest: T
    _rows: list[ImageScores]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declare_measures(cls.measures, cls.__name__)

    def __init__(self) -> None:
        super().__init__()
        self._reset()

    @abstractmethod
    def measure(self, sample: dict) -> T:
        """Return the sums of one sample, a dict whose maps are `{'data': C,H,W tensor}`."""

    @abstractmethod
    def compute_metrics(self, results: list[T]) -> dict[str, float]:
        """Return the metrics; `results` holds one element, the sum over all images."""

    def scores(self, total: T) -> dict[str, float]:
        """Return the metrics of a sum over images."""
        return self.compute_metrics([total])

    @classmethod
    def measures_for(
        cls, targets: Sequence[Target], options: Mapping[str, Any]
    ) -> Sequence[Measure]:
        """Return the measures of a network that predicts some targets.

        Args:
            targets: what the network predicts.
            options: arguments of the metric in the config.
        """
        names = {target.name for target in targets}
        several = len(names) > 1
        return [m for m in cls.measures if m.kind in names or (several and m.kind == SEVERAL_TASKS)]

    def targets_of(self, sample: Mapping[str, Any]) -> list[Target]:
        """Return the targets that a sample predicts, as the evaluated data set describes them.

        Samples that do not list them (`predicted`) may predict any target of the data set.
        """
        declared = targets_in(self.dataset_meta)
        if "predicted" not in sample:
            return [*declared.values()]
        found = []
        for target in sample["predicted"]:
            truth = declared.get(target.truth_name, target)
            if truth.classes or not target.classes:
                target = truth if truth.name == target.name else truth.learned_by(target.name)
            found.append(target)
        return found

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Measure a batch of samples."""
        for sample in data_samples:
            try:
                tally = self.measure(sample)
            except ValueError as error:
                raise DataError(f"{sample.get('img_path', 'An image')}: {error}") from error
            self._total.add(self._latest)
            self._latest = tally
            if self.per_image:
                self._rows.append((str(sample.get("img_path", "")), self.scores(tally)))

    def evaluate(self, size: int) -> dict[str, float]:
        """Merge the sums of all processes, compute the metrics and reset the sums.

        Args:
            size: number of images of the data set, without repetitions.

        Returns:
            The same metrics on every process.
        """
        rank, world = get_dist_info()
        seen = self._total.images + self._latest.images
        if (seen - 1) * world + rank < size:
            self._total.add(self._latest)
        total = self.new_tally()
        for tally in all_gather_object(self._total):
            total.add(tally)
        if self.per_image:
            # The same order in which DefaultSampler deals them out; it repeats the first ones.
            ranks = all_gather_object(self._rows)
            self.image_scores = [row for turn in zip_longest(*ranks) for row in turn if row][:size]
        self._reset()
        if total.images != size:
            warn(
                f"{type(self).__name__} measured {total.images} images of a data set of {size}. "
                "Use DefaultSampler, unshuffled and without drop_last, to measure each once."
            )
        return self.compute_metrics([total])

    def _reset(self) -> None:
        self._total, self._latest = self.new_tally(), self.new_tally()
        self._rows = []
