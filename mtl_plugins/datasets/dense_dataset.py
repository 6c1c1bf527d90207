"""The base of all data sets of images and dense targets."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from mmcv.transforms import Compose
from mmengine.dataset import BaseDataset
from mmseg.datasets import BaseSegDataset

from ..errors import ConfigError, DataError
from ..models.preprocessing import RGB_CHANNELS
from ..targets import DEPTH, PREDEFINED, SEMSEG, Target, declared_target, loaded_targets
from .files import Ranges, frozen_range, is_channels, is_image_range, read_image, read_map
from .formats import TargetFormat
from .inherited import built_pipeline, check_arguments
from .pipeline_check import check_colours, check_pipeline, within
from .sampling import SampleIndex, seeded
from .transforms import LoadImage, LoadTargets

BAD_IN_A_ROW = 20
"""Number of unreadable samples in a row after which the storage, not the files, is at fault."""


class DenseDataset(BaseSegDataset):
    """Load images with any of the dense targets strictly, and augment them reproducibly.

    A subclass lists its samples in `load_data_list`, returns the format of each target from
    `make_formats`, and from `has_target` which targets it loads. It may declare further targets in
    `declared`, and read from something else than files.

    Args:
        depth_unit: name of the unit in pictures and tables; "m" unless depth is relative.
        image_range: values of 16-bit images that become 0 and 255: (0, 4095) for pictures of 12
            bits. All levels are kept, as float32 with fractions; packing and prediction use it as
            well. Without a range, 16-bit images lose their low bytes. Channels may have a range
            each: [(0, 255), (0, 255), (0, 255), (0, 16383)].
        image_channels: number of channels of an image file: red, green, blue, and others, such as
            infrared.
        on_bad_sample: reaction in training to a sample that cannot be read: "raise" ends the run,
            "skip" takes a random sample in its place and reports it, see `SkippedSamplesHook`.
            Validation and test always raise, because a metric over fewer images is another metric.
        kwargs: as in mmseg's `BaseSegDataset` (pipeline, indices, test_mode, ...), except those
            that would have no effect, see `inherited.py`.

    Raises:
        ConfigError: an argument would have no effect; or a transform of the pipeline cannot be
            built, or would break a target that is loaded.
        DataError: while reading, a sample is damaged (or, skipping, 20 in a row are).
    """

    # mmseg requires classes, which a data set of depth alone does not have.
    METAINFO: ClassVar[dict] = dict(classes=(), palette=[])

    # Arguments with which a check of the data builds it: no files are written, and missing files
    # are no errors yet, so that each problem can be reported by itself.
    CHECKING: ClassVar[dict] = {}

    formats: dict[str, TargetFormat]

    declared: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    """Parameters of targets that are not predefined, or that differ from the predefined ones."""

    resized: Collection[str] = ()
    """Names of the targets whose files may have another resolution than the images."""

    _targets: Sequence[Target] = ()

    def __init__(
        self,
        depth_unit: str = "m",
        image_range: Sequence | None = None,
        image_channels: int = RGB_CHANNELS,
        on_bad_sample: Literal["raise", "skip"] = "raise",
        **kwargs: Any,
    ) -> None:
        if on_bad_sample not in ("raise", "skip"):
            raise ConfigError(f"on_bad_sample={on_bad_sample!r}; choose 'raise' or 'skip'.")
        if not is_channels(image_channels):
            raise ConfigError(
                f"image_channels={image_channels!r}; expected the number of channels of an image "
                "file, 3 or more: red, green, blue and others. Grey images are read as three."
            )
        if image_range is not None and not is_image_range(image_range, image_channels):
            raise ConfigError(
                f"image_range={image_range!r}; expected the values of 16-bit images that are black "
                "and white, such as (0, 4095) for pictures of 12 bits, or such a pair for each of "
                f"the {image_channels} channels."
            )
        self.on_bad_sample = on_bad_sample
        self.file_channels = image_channels
        self.file_range = None if image_range is None else frozen_range(image_range)
        check_arguments(self, kwargs)
        kwargs["pipeline"] = built_pipeline(kwargs.get("pipeline") or ())
        lazy_init = kwargs.pop("lazy_init", False)
        super().__init__(lazy_init=True, **kwargs)
        # Not through metainfo=, in which mmengine opens every string as a file.
        self._metainfo.setdefault("depth_unit", depth_unit)
        if self.image_range is not None:
            self._metainfo["image_range"] = self.image_range
        if self.image_channels != RGB_CHANNELS:
            self._metainfo["image_channels"] = self.image_channels
        self._targets = self.targets()
        self._metainfo["targets"] = {target.name: target.to_dict() for target in self._targets}
        check_pipeline(self.pipeline.transforms, self.targets())
        check_colours(self.pipeline.transforms, self.image_channels, self.keeps_levels)
        for transform in within(self.pipeline.transforms):
            if hasattr(transform, "read_from"):
                transform.read_from(self)
        self.formats = self.make_formats()
        # Files are looked for last: the config is known to be right by now.
        if not lazy_init:
            self.full_init()

    def make_formats(self) -> dict[str, TargetFormat]:
        """Return the format of each target that is loaded, by name."""
        return {}

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """Return no map: class ids come from the label format, not from mmseg's class names."""
        return None

    def _update_palette(self) -> list[list[int]]:
        """Return the colours of the classes; random ones if there are none.

        Raises:
            DataError: there are colours, but not one for each class.
        """
        classes, palette = self._metainfo["classes"], self._metainfo["palette"]
        if len(palette) not in (0, len(classes)):
            raise DataError(
                f"metainfo has {len(palette)} colours in its palette for {len(classes)} classes, "
                f"{classes!r}. Give red, green, blue of each class, or leave the palette out."
            )
        return super()._update_palette()

    def has_target(self, target: Target) -> bool:
        """Return whether the samples have this target."""
        return bool(self.data_prefix.get(target.path))

    def targets(self) -> list[Target]:
        """Return the targets that are loaded, predefined ones first."""
        if self._targets:
            return [*self._targets]
        meta = self._metainfo
        given: dict[str, dict[str, Any]] = {name: {} for name in PREDEFINED}
        given[SEMSEG.name] = dict(classes=meta.get("classes"), palette=meta.get("palette"))
        given[DEPTH.name] = dict(unit=meta.get("depth_unit", DEPTH.unit))
        for name, parameters in self.declared.items():
            given[name] = {**given.get(name, {}), **parameters}
        known = [declared_target(name, parameters) for name, parameters in given.items()]
        return [target for target in known if self.has_target(target)]

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
        """Return one entry and the targets that its transforms will find."""
        info = super().get_data_info(idx)
        info.update(seg_fields=[], targets=self.targets(), reduce_zero_label=False)
        return info

    def get_cat_ids(self, idx: int, name: str = SEMSEG.name) -> list[int]:
        """Return the ids in a sample's target of classes or masks, as `ClassBalancedDataset` needs.

        Args:
            idx: index of the sample.
            name: of the target, which is loaded.
        """
        entry = self.get_data_info(idx)
        target = next(each for each in self.targets() if each.name == name)
        if target.path not in entry:
            return []
        load = next((t for t in self.pipeline.transforms if isinstance(t, LoadTargets)), None)
        raw = self.read_target(entry, target, load and load.backend_args)
        labels = self.format_of(entry, target)(raw, entry[target.path])
        ids = np.flatnonzero(np.bincount(labels.ravel()))
        return ids[ids != target.invalid].tolist()

    @property
    def added_channels(self) -> int:
        """Return the number of channels that come from other files than the image."""
        return 0

    @property
    def image_channels(self) -> int:
        """Return the number of channels of a sample's image."""
        return self.file_channels + self.added_channels

    @property
    def image_range(self) -> Ranges | None:
        """Return the range of 16-bit values of a sample's image; None if no range is stated."""
        return self.file_range

    @property
    def keeps_levels(self) -> bool:
        """Return whether images may have more than 256 levels: a range of 16 bits is stated."""
        return self.image_range is not None

    def read_image(self, entry: dict, backend_args: dict | None = None) -> np.ndarray:
        """Return the image of an entry, H,W,C: blue, green, red, then other channels.

        Intensities of 0 to 255: uint8, or float32 where a range of 16 bits is stated.
        """
        return read_image(
            entry["img_path"],
            backend_args,
            strict=True,
            image_range=self.file_range,
            channels=self.file_channels,
        )

    def read_target(
        self, entry: dict, target: Target, backend_args: dict | None = None
    ) -> np.ndarray:
        """Return the raw values of a target of an entry, as in its file."""
        decode = self.format_of(entry, target)
        return read_map(entry[target.path], backend_args, decode.channels, decode.exact)

    def format_of(self, entry: dict, target: Target) -> TargetFormat:
        """Return the format that decodes what `read_target` returns."""
        return self.formats[target.name]


def leaf_of(dataset: Any, index: int) -> tuple[Any, int]:
    """Return the data set that holds a sample of a joined or repeated one, and its index there."""
    while hasattr(dataset, "_get_ori_dataset_idx"):
        place = dataset._get_ori_dataset_idx(index)
        if isinstance(place, tuple):
            dataset, index = dataset.datasets[place[0]], place[1]
        else:
            dataset, index = dataset.dataset, place
    return dataset, index


class TargetReader:
    """Iterate over a data set's decoded targets by name, without augmentation.

    They have the size of their files, unless the pipeline has transforms of the protocol
    (`of_protocol`), which define the truth and are applied.
    """

    def __init__(self, dataset: BaseDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        steps: dict[int, Compose] = {}
        for index in range(len(self.dataset)):
            leaf, inner = leaf_of(self.dataset, index)
            if id(leaf) not in steps:
                steps[id(leaf)] = _unaugmented(leaf)
            sample = steps[id(leaf)](leaf.get_data_info(inner))
            yield {target.name: sample[target.array] for target in loaded_targets(sample)}


def _unaugmented(dataset: DenseDataset) -> Compose:
    """Return the steps that load a sample's truth."""
    load = LoadImage(), LoadTargets()
    for transform in load:
        transform.read_from(dataset)
    protocol = [t for t in dataset.pipeline.transforms if getattr(t, "of_protocol", False)]
    return Compose([*load, *protocol])
