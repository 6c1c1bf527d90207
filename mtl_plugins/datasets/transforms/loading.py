"""From files to arrays."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...errors import DataError
from ...structures import DENSE_TARGETS, DenseTarget
from ..image_io import read_image, read_map


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
        image = read_image(results["img_path"], self.backend_args)
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results


@TRANSFORMS.register_module()
class LoadTargets(BaseTransform):
    """Read and decode every target that a sample has a file of.

    Adds `gt_seg_map` (H,W uint8, 255: no class), `gt_depth_map` (H,W float32 metres, 0: not
    measured) and `gt_normal_map` (H,W,3 float32 unit vectors, 0: none), and names them in
    `seg_fields`, so that flips, crops and resizes move them with the image.

    Args:
        backend_args: storage that the files are read from, see `mmengine.fileio`; default: disk.

    Raises:
        DataError: a file is damaged, has values that are no class, or another size than the
            image.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add the targets."""
        fields = results.setdefault("seg_fields", [])
        for target in DENSE_TARGETS.values():
            if target.path in results:
                decode = results["formats"][target.kind]
                raw = self._read(results, target, decode.channels)
                results[target.array] = decode(raw, results[target.path])
                fields.append(target.array)
        return results

    def _read(self, results: dict, target: DenseTarget, channels: int) -> np.ndarray:
        path = results[target.path]
        values = read_map(path, self.backend_args, channels)
        if values.shape[:2] != tuple(results["ori_shape"]):
            raise DataError(
                f"{path} is {values.shape[0]}x{values.shape[1]} pixels, but its image "
                f"{results['img_path']} is {results['ori_shape'][0]}x{results['ori_shape'][1]} "
                "(height x width). Resize the target (nearest neighbour) or pair the right files."
            )
        return values
