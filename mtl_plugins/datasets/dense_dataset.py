"""What every data set of images and dense targets does, wherever its samples come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from mmseg.datasets import BaseSegDataset

from ..errors import ConfigError, DataError
from ..targets import DENSE_TARGETS, DenseTarget
from .formats.target_format import TargetFormat
from .pipeline_check import check_pipeline
from .sampling.sample_index import SampleIndex, seeded

BAD_IN_A_ROW = 20
"""So many unreadable samples one after the other: the storage is gone, not some files."""


class DenseDataset(BaseSegDataset):
    """Images with any of the dense targets, read strictly and augmented reproducibly.

    A subclass lists its samples in `load_data_list`, sets `formats` (how each kind of target is
    decoded) and says in `has_target` which kinds it loads.

    Args:
        depth_unit: what pictures and tables call the unit; "m" unless depth is relative.
        on_bad_sample: what happens in training where a sample cannot be read: "raise" ends the
            run, "skip" takes another sample in its place and reports it, see `SkippedSamplesHook`.
            Tests always raise: a metric over fewer images would be another metric.
        kwargs: as in mmseg's `BaseSegDataset` (pipeline, indices, test_mode, ...).

    Raises:
        ConfigError: a transform of the pipeline would break a target that is loaded.
        DataError: while reading, a sample is damaged (or, skipping, 20 in a row are).
    """

    # A data set of depth alone has no classes, which mmseg would insist on.
    METAINFO: ClassVar[dict] = dict(classes=(), palette=[])

    # Arguments with which a data set is built without writing or looking at single files, so that
    # each problem can be told by itself.
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
        # Not through metainfo=, where mmengine takes every text for a file's name.
        self._metainfo.setdefault("depth_unit", depth_unit)
        check_pipeline(self.pipeline.transforms, self.targets())

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """Return no map: class ids follow from the label format alone, not from class names."""
        return None

    def has_target(self, target: DenseTarget) -> bool:
        """Return whether the samples have this kind of target."""
        return bool(self.data_prefix.get(target.path))

    def targets(self) -> list[DenseTarget]:
        """Return the kinds of target that are loaded."""
        return [target for target in DENSE_TARGETS.values() if self.has_target(target)]

    def __getitem__(self, index: int) -> dict:
        """Return a sample, augmented as a `SampleIndex` says or by the current random state."""
        if isinstance(index, SampleIndex):
            with seeded(*index.key):
                return super().__getitem__(int(index))
        return super().__getitem__(index)

    def prepare_data(self, idx: int) -> Any:
        """Load and augment one sample; another one where it is bad and may be skipped."""
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
        """Return one entry together with what its transforms need to know."""
        info = super().get_data_info(idx)
        info.update(seg_fields=[], formats=self.formats, reduce_zero_label=False, dataset=self)
        return info
