"""The first and last steps of a pipeline: from files to arrays, from arrays to a sample."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError, DataError
from ...models.preprocessing import COLORS, FLIP
from ...targets import PACKED_BY_MMSEG, Target, loaded_targets
from ..files import read_image
from ..formats import TargetFormat

ENLARGED = "enlarged"
"""Key of the factors (across, down) by which targets were brought to the size of their image."""


class Source(Protocol):
    """Read the parts of an entry; every `DenseDataset` does."""

    resized: Collection[str]
    """Names of the targets whose files may have another resolution than the images."""

    def read_image(self, entry: dict, backend_args: dict | None = None) -> np.ndarray:
        """Return the image, H,W,3 uint8 BGR, or with more channels or levels."""

    def read_target(
        self, entry: dict, target: Target, backend_args: dict | None = None
    ) -> np.ndarray:
        """Return the raw values of a target."""

    def format_of(self, entry: dict, target: Target) -> TargetFormat:
        """Return the format of these values."""


class SourceTransform(BaseTransform):
    """A transform that reads from the data set to whose pipeline it belongs.

    The data set calls `read_from` when it is built, so that samples carry data alone.
    """

    source: Any = None

    def read_from(self, source: Source) -> None:
        """Set the data set that entries belong to."""
        self.source = source

    def _needed_source(self) -> Any:
        if self.source is None:
            raise ConfigError(
                f"{type(self).__name__} has no data set to read from. Put it into the pipeline of "
                "one of mtl_plugins' data sets, or call its read_from(dataset)."
            )
        return self.source


@TRANSFORMS.register_module()
class LoadImage(SourceTransform):
    """Read `img_path` into `img`, H,W,3 uint8 BGR, or with more channels and levels as declared.

    Args:
        backend_args: storage of the files, see `mmengine.fileio`; default: disk.

    Raises:
        DataError: the file is missing, truncated or damaged.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        # The images of a prediction belong to no data set.
        if self.source is None:
            image = read_image(results["img_path"], self.backend_args, strict=True)
        else:
            image = self.source.read_image(results, self.backend_args)
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results


@TRANSFORMS.register_module()
class LoadTargets(SourceTransform):
    """Read and decode every target whose file a sample names, at the size of the image.

    A target that its data set declares with `resize=True` is brought to the size of the image:
    every pixel takes the nearest value, and offsets are scaled.

    Adds the array of each target (see `targets.py`: `gt_seg_map`, `gt_depth_map`,
    `gt_<name>_map`, ...), and lists them in `seg_fields`, so that flips, crops and resizes move
    them with the image.

    Args:
        backend_args: storage of the files, see `mmengine.fileio`; default: disk.
        decode: False keeps the raw values of the files until `DecodeTargets`. Between the two only
            crops are allowed. Formats that need the whole map (not `local`) decode here all the
            same.

    Raises:
        DataError: a file is damaged, has values that are no class, or another size than the
            image.
    """

    def __init__(self, backend_args: dict | None = None, decode: bool = True) -> None:
        self.backend_args = backend_args
        self.decode = decode

    def transform(self, results: dict) -> dict:
        source = self._needed_source()
        fields = results.setdefault("seg_fields", [])
        for target in results["targets"]:
            if target.path in results:
                raw = source.read_target(results, target, self.backend_args)
                size = results.get("ori_shape")
                resized = target.name in source.resized
                check_target_size(results, target, raw, size, resized)
                if resized and size is not None and raw.shape[:2] != tuple(size):
                    factors = size[1] / raw.shape[1], size[0] / raw.shape[0]
                    results.setdefault(ENLARGED, {})[target.array] = factors
                    raw = nearest(raw, size)
                decode = source.format_of(results, target)
                now = self.decode or not decode.local
                results[target.array] = _decoded(results, target, decode, raw) if now else raw
                fields.append(target.array)
        return results


@TRANSFORMS.register_module()
class DecodeTargets(SourceTransform):
    """Decode the raw values from `LoadTargets(decode=False)`; after a crop this costs less.

    Raises:
        DataError: a file has values that are no class or no depth.
    """

    def transform(self, results: dict) -> dict:
        source = self._needed_source()
        for target in loaded_targets(results):
            decode = source.format_of(results, target)
            if decode.local:
                raw = results[target.array]
                results[target.array] = _decoded(results, target, decode, raw)
        return results


def _decoded(results: dict, target: Target, decode: TargetFormat, raw: np.ndarray) -> np.ndarray:
    """Decode the raw values of a target; offsets that a file has are scaled with its size."""
    values = decode(raw, results[target.path])
    factors = results.get(ENLARGED, {}).get(target.array)
    # Those that are computed from the whole map are in its pixels already.
    scaled = factors is not None and target.type == "offset" and decode.local
    return values * np.float32(factors) if scaled else values


def nearest(values: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resize H,W or H,W,C values to (height, width): each pixel takes the nearest centre's value.

    >>> nearest(np.array([[1, 2]]), (2, 4)).tolist()
    [[1, 1, 2, 2], [1, 1, 2, 2]]
    """
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new)
        for new, old in zip(size, values.shape, strict=False)
    )
    return values[rows[:, None], columns]


def check_target_size(
    entry: dict,
    target: Target,
    values: np.ndarray,
    size: Sequence[int] | None,
    resized: bool = False,
) -> None:
    """Raise a `DataError` if a target has another size than its image (None: unreadable).

    Args:
        resized: it may have another resolution, but not another shape: each side may differ from
            that of the image by the same factor, and then by less than a pixel.
    """
    found = values.shape[:2]
    if size is None or found == tuple(size):
        return
    across, down = found[1] / size[1], found[0] / size[0]
    alike = abs(across - down) * min(size) < 1
    if resized and alike:
        return
    remedy = "or pair the right files"
    if alike:
        remedy = (
            f"declare that its resolution differs, targets=dict({target.name}=dict(resize=True)), "
            f"{remedy}"
        )
    raise DataError(
        f"{entry[target.path]} is {found[0]}x{found[1]} pixels, but its image "
        f"{entry['img_path']} is {size[0]}x{size[1]} "
        f"(height x width, turned as EXIF says). Resize the target (nearest neighbour), {remedy}."
    )


@TRANSFORMS.register_module()
class PackTargets(PackSegInputs):
    """Pack the image and every loaded target as tensors.

    mmseg's `PackSegInputs` packs only labels and depth.

    Args:
        meta_keys: keys of the results that become the sample's metainfo, see mmseg.

    Shapes: `img` H,W,3 -> `inputs` 3,H,W; targets H,W -> 1,H,W and H,W,C -> C,H,W.
    """

    def transform(self, results: dict) -> dict:
        image, targets = results["img"], loaded_targets(results)
        # mmseg packs another target called `edge`, with the same key, as integers.
        others = {"img", *(t.array for t in targets if t.array not in PACKED_BY_MMSEG)}
        packed = super().transform({k: v for k, v in results.items() if k not in others})
        # Copying rows is several times as fast as copying channel by channel, which the device
        # does when it stacks the batch. The copy is needed: packed data is mapped read-only.
        packed["inputs"] = torch.from_numpy(image.copy(order="C")).permute(2, 0, 1)
        sample = packed["data_samples"]
        sample.set_metainfo({key: results[key] for key in (FLIP, COLORS) if key in results})
        sample.set_metainfo(dict(targets=targets))
        for target in targets:
            if target.truth not in sample:
                channels = np.moveaxis(np.atleast_3d(results[target.array]), 2, 0)
                # Torch computes with few of the unsigned types.
                signed = channels.astype(np.int32) if channels.dtype == np.uint16 else channels
                data = torch.from_numpy(np.ascontiguousarray(signed))
                sample.set_data({target.truth: PixelData(data=data)})
        return packed
