"""From files to arrays."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...errors import DataError
from ...targets import DENSE_TARGETS, DenseTarget
from ..files.image_io import read_image, read_map
from ..formats.target_format import TargetFormat


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read `img_path` into `img`, H,W,3 uint8 BGR.

    Args:
        backend_args: storage that the files are read from, see `mmengine.fileio`; default: disk.

    Raises:
        DataError: the file is missing, truncated or damaged.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add `img`, `img_shape` and `ori_shape`."""
        packed = results.get("packed")
        if packed:
            image = packed.image()
        else:
            image = read_image(results["img_path"], self.backend_args, warn_turned=True)
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results


@TRANSFORMS.register_module()
class LoadTargets(BaseTransform):
    """Read and decode every target that a sample has a file of.

    Adds `gt_seg_map` (H,W uint8, 255: no class), `gt_depth_map` (H,W float32 metres, 0: not
    measured), `gt_normal_map` (H,W,3 float32 unit vectors, 0: none) and those of other registered
    kinds, and names them in `seg_fields`, so that flips, crops and resizes move them with the
    image.

    Args:
        backend_args: storage that the files are read from, see `mmengine.fileio`; default: disk.
        decode: False leaves the values as they are in the files until `DecodeTargets`. Between
            the two only crops may stand.

    Raises:
        DataError: a file is damaged, has values that are no class, or another size than the
            image.
    """

    def __init__(self, backend_args: dict | None = None, decode: bool = True) -> None:
        self.backend_args = backend_args
        self.decode = decode

    def transform(self, results: dict) -> dict:
        """Add the targets."""
        fields = results.setdefault("seg_fields", [])
        undecoded = results.setdefault("undecoded", {})
        for target in DENSE_TARGETS.values():
            if target.path in results:
                results[target.array], undecoded[target.array] = self._read(results, target)
                fields.append(target.array)
        return DecodeTargets().transform(results) if self.decode else results

    def _read(self, results: dict, target: DenseTarget) -> tuple[np.ndarray, TargetFormat]:
        """Return a target as its file has it, and how to decode it."""
        if "packed" in results:
            return results["packed"].target(target)
        decode, path = results["formats"][target.kind], results[target.path]
        values = read_map(path, self.backend_args, decode.channels, decode.exact)
        size = results["ori_shape"]
        # None where the image is damaged, and its targets are to be checked all the same.
        if size is not None and values.shape[:2] != tuple(size):
            raise DataError(
                f"{path} is {values.shape[0]}x{values.shape[1]} pixels, but its image "
                f"{results['img_path']} is {size[0]}x{size[1]} "
                "(height x width, turned as EXIF says). Resize the target (nearest neighbour) or "
                "pair the right files."
            )
        return values, decode


@TRANSFORMS.register_module()
class DecodeTargets(BaseTransform):
    """Decode what `LoadTargets(decode=False)` read, after a crop: only what is left costs time.

    Raises:
        DataError: a file has values that are no class or no depth.
    """

    def transform(self, results: dict) -> dict:
        """Replace the values of files by those of targets."""
        for target in DENSE_TARGETS.values():
            if target.array not in results["undecoded"]:
                continue
            decode, raw = results["undecoded"].pop(target.array), results[target.array]
            results[target.array] = decode(raw, results[target.path])
        return results
