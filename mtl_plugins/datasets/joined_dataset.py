"""Data sets that are made of others."""

from collections.abc import Sequence
from typing import Any

from mmengine.dataset import ClassBalancedDataset as MMEngineClassBalancedDataset
from mmengine.dataset import ConcatDataset as MMEngineConcatDataset
from mmseg.datasets import MultiImageMixDataset as MMSegMultiImageMixDataset
from mmseg.registry import DATASETS

from ..errors import ConfigError
from .dense_dataset import DenseDataset
from .sampling import SampleIndex

ONE = dict(
    image_range="Give each part the same; images of 8 bits are read as they are.",
    image_channels="Give each part the same channels (image_channels, extra_images); None is 3.",
)
"""Keys of metainfo that all parts share, and what to do where they do not."""


@DATASETS.register_module()
class ConcatDataset(MMEngineConcatDataset):
    """Join data sets as mmengine does, which may have different targets.

    mmengine requires equal metainfo. Here `metainfo["targets"]` has the targets of all parts; a
    sample has those of its own part, and trains the tasks that it has.

    Args:
        datasets: configs of the data sets, or data sets.
        kwargs: as in mmengine (lazy_init, ignore_keys).

    Raises:
        ConfigError: parts have different targets of one name, or a different `image_range` or
            number of channels.
    """

    def __init__(self, datasets: Sequence[Any], **kwargs: Any) -> None:
        ignored = kwargs.pop("ignore_keys", None) or []
        names = [ignored] if isinstance(ignored, str) else [*ignored]
        super().__init__(datasets, ignore_keys=[*names, "targets", *ONE], **kwargs)
        for key, remedy in ONE.items():
            values = [part.metainfo.get(key) for part in self.datasets]
            if len({*values}) > 1:
                raise ConfigError(
                    f"ConcatDataset: its parts have {key}={values}, but prediction needs one for "
                    f"all. {remedy}"
                )
        found: dict[str, dict[str, Any]] = {}
        for number, part in enumerate(self.datasets):
            for name, parameters in part.metainfo.get("targets", {}).items():
                if found.setdefault(name, parameters) != parameters:
                    raise ConfigError(
                        f"ConcatDataset: part {number} has the target {name!r} with {parameters}, "
                        f"an earlier part with {found[name]}. Make them equal, or give them "
                        "different names."
                    )
        if found:
            self._metainfo["targets"] = found


@DATASETS.register_module()
class ClassBalancedDataset(MMEngineClassBalancedDataset):
    """Repeat the samples with rare classes as mmengine does.

    An index keeps the key of its randomness (see `SampleIndex`), so that a sample is augmented
    differently each time. The labels of all samples are read first, to count their classes.

    Args:
        dataset: config of a data set with `semseg`, or the data set.
        oversample_thr: share of the images below which a class is rare.
        lazy_init: as in mmengine.
    """

    def _get_ori_dataset_idx(self, idx: int) -> int:
        found = super()._get_ori_dataset_idx(idx)
        return SampleIndex(found, idx.key) if isinstance(idx, SampleIndex) else found


@DATASETS.register_module(force=True)
class MultiImageMixDataset(MMSegMultiImageMixDataset):
    """Mix the images of one of mmseg's own data sets; refuse those of this package.

    Its transforms are not checked against the targets, and what it draws depends on the worker.

    Raises:
        ConfigError: the data set is one of this package.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inner = self.dataset
        while not isinstance(inner, DenseDataset) and hasattr(inner, "dataset"):
            inner = inner.dataset
        if isinstance(inner, DenseDataset):
            raise ConfigError(
                f"MultiImageMixDataset does not check its transforms against the targets of "
                f"{type(inner).__name__}, and mixes outside of each sample's seed. Put its "
                "transforms into the pipeline of the data set, with MosaicTargets for mosaics."
            )
