"""The base of all data sets of images and dense targets."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from mmcv.transforms import Compose
from mmengine.dataset import BaseDataset
from mmseg.datasets import BaseSegDataset

from ..errors import ConfigError, DataError
from ..targets import DENSE_TARGETS, DEPTH, SEMSEG, DenseTarget
from .formats import TargetFormat
from .pipeline_check import check_pipeline
from .sampling import SampleIndex, seeded
from .transforms import LoadImage, LoadTargets

BAD_IN_A_ROW = 20
"""Number of unreadable samples in a row after which the storage, not the files, is at fault."""


class DenseDataset(BaseSegDataset):
    """Load images with any of the dense targets strictly, and augment them reproducibly.

    A subclass lists its samples in `load_data_list`, sets `formats` (the format of each kind of
    target) and returns from `has_target` which kinds it loads.

    Args:
        depth_unit: name of the unit in pictures and tables; "m" unless depth is relative.
        on_bad_sample: reaction in training to a sample that cannot be read: "raise" ends the run,
            "skip" takes a random sample in its place and reports it, see `SkippedSamplesHook`.
            Validation and test always raise, because a metric over fewer images is another metric.
        kwargs: as in mmseg's `BaseSegDataset` (pipeline, indices, test_mode, ...).

    Raises:
        ConfigError: a transform of the pipeline would break a target that is loaded.
        DataError: while reading, a sample is damaged (or, skipping, 20 in a row are).
    """

    # mmseg requires classes, which a data set of depth alone does not have.
    METAINFO: ClassVar[dict] = dict(classes=(), palette=[])

    # Arguments with which a check of the data builds it: no files are written, and missing files
    # are no errors yet, so that each problem can be reported by itself.
    CHECKING: ClassVar[dict] = {}

    formats: dict[str, TargetFormat]

    def __init__(
        self,
        depth_unit: str = "m",
        on_bad_sample: Literal["raise", "skip"] = "raise",
        **kwargs: Any,
    ) -> None:
        if on_bad_sample not in ("raise", "skip"):
            raise ConfigError(f"on_bad_sample={on_bad_sample!r}; choose 'raise' or 'skip'.")
        self.on_bad_sample = on_bad_sample
        super().__init__(**kwargs)
        # Not through metainfo=, in which mmengine opens every string as a file.
        self._metainfo.setdefault("depth_unit", depth_unit)
        check_pipeline(self.pipeline.transforms, self.targets())

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """Return no map: class ids come from the label format, not from mmseg's class names."""
        return None

    def has_target(self, target: DenseTarget) -> bool:
        """Return whether the samples have this kind of target."""
        return bool(self.data_prefix.get(target.path))

    def targets(self) -> list[DenseTarget]:
        return [target for target in DENSE_TARGETS.values() if self.has_target(target)]

    def __getitem__(self, index: int) -> dict:
        """Return a sample, augmented with the randomness of a `SampleIndex`, else the current."""
        if isinstance(index, SampleIndex):
            with seeded(*index.key):
                return super().__getitem__(int(index))
        return super().__getitem__(index)

    def prepare_data(self, idx: int) -> Any:
        """Load and augment one sample, or a random one if it is bad and may be skipped."""
        skipped: list[str] = []
        while True:
            try:
                sample = super().prepare_data(idx)
            except DataError as error:
                if self.test_mode or self.on_bad_sample == "raise":
                    raise
                skipped.append(str(error))
                if len(skipped) == BAD_IN_A_ROW:
                    raise DataError(
                        f"{BAD_IN_A_ROW} samples in a row could not be read, the last one: {error} "
                        "Is the storage still there?"
                    ) from error
                idx = int(np.random.randint(len(self)))
                continue
            if skipped and "data_samples" in sample:
                sample["data_samples"].set_metainfo(dict(skipped=skipped))
            return sample

    def get_data_info(self, idx: int) -> dict:
        """Return one entry with the formats and the data set, which its transforms need."""
        info = super().get_data_info(idx)
        info.update(seg_fields=[], formats=self.formats, reduce_zero_label=False, dataset=self)
        return info


class TargetReader:
    """Iterate over a data set's (class ids, depth) without augmentation; None if not loaded.

    They have the size of their files, unless the pipeline has transforms of the protocol
    (`of_protocol`), which define the truth and are applied.
    """

    def __init__(self, dataset: BaseDataset) -> None:
        self.dataset = dataset
        self.load = Compose([LoadImage(), LoadTargets()])

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[tuple[np.ndarray | None, np.ndarray | None]]:
        for index in range(len(self.dataset)):
            sample = self.load(self.dataset.get_data_info(index))
            for transform in sample["dataset"].pipeline.transforms:
                if getattr(transform, "of_protocol", False):
                    sample = transform(sample)
            yield sample.get(SEMSEG.array), sample.get(DEPTH.array)
