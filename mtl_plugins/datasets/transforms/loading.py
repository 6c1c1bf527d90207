"""The first and last steps of a pipeline: from files to arrays, from arrays to a sample."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from ...errors import DataError
from ...targets import DENSE_TARGETS, DenseTarget
from ..files import read_image, read_map
from ..formats import TargetFormat

ON_DEVICE = ("device_flip", "device_colors")
"""Keys of random draws that the preprocessor applies on the device."""


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read `img_path` into `img`, H,W,3 uint8 BGR.

    Args:
        backend_args: storage of the files, see `mmengine.fileio`; default: disk.

    Raises:
        DataError: the file is missing, truncated or damaged.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        if "packed" in results:
            image = results["packed"].image()
        else:
            image = read_image(results["img_path"], self.backend_args, warn_turned=True)
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results


@TRANSFORMS.register_module()
class LoadTargets(BaseTransform):
    """Read and decode every target whose file a sample names.

    Adds `gt_seg_map` (H,W uint8, 255: no class), `gt_depth_map` (H,W float32 metres, 0: not
    measured), `gt_normal_map` (H,W,3 float32 unit vectors, 0: none) and those of other registered
    kinds, and lists them in `seg_fields`, so that flips, crops and resizes move them with the
    image.

    Args:
        backend_args: storage of the files, see `mmengine.fileio`; default: disk.
        decode: False keeps the raw values of the files until `DecodeTargets`. Between the two only
            crops are allowed.

    Raises:
        DataError: a file is damaged, has values that are no class, or another size than the
            image.
    """

    def __init__(self, backend_args: dict | None = None, decode: bool = True) -> None:
        self.backend_args = backend_args
        self.decode = decode

    def transform(self, results: dict) -> dict:
        fields = results.setdefault("seg_fields", [])
        undecoded = results.setdefault("undecoded", {})
        for target in DENSE_TARGETS.values():
            if target.path in results:
                results[target.array], undecoded[target.array] = self._read(results, target)
                fields.append(target.array)
        return DecodeTargets().transform(results) if self.decode else results

    def _read(self, results: dict, target: DenseTarget) -> tuple[np.ndarray, TargetFormat]:
        if "packed" in results:
            return results["packed"].target(target)
        decode, path = results["formats"][target.kind], results[target.path]
        values = read_map(path, self.backend_args, decode.channels, decode.exact)
        size = results["ori_shape"]
        # None if a check of the data could not read the image but goes on with the targets.
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
    """Decode the raw values from `LoadTargets(decode=False)`; after a crop this costs less.

    Raises:
        DataError: a file has values that are no class or no depth.
    """

    def transform(self, results: dict) -> dict:
        for target in DENSE_TARGETS.values():
            if decode := results["undecoded"].pop(target.array, None):
                results[target.array] = decode(results[target.array], results[target.path])
        return results


@TRANSFORMS.register_module()
class PackTargets(PackSegInputs):
    """Pack the image and every loaded target as tensors.

    mmseg's `PackSegInputs` packs only labels and depth.

    Args:
        meta_keys: keys of the results that become the sample's metainfo, see mmseg.

    Shapes: `img` H,W,3 -> `inputs` 3,H,W; targets H,W -> 1,H,W and H,W,C -> C,H,W.
    """

    def transform(self, results: dict) -> dict:
        image = results.pop("img")
        packed = super().transform(results)
        # Copying rows is several times as fast as copying channel by channel, which the device
        # does when it stacks the batch. The copy is needed: packed data is mapped read-only.
        packed["inputs"] = torch.from_numpy(image.copy(order="C")).permute(2, 0, 1)
        sample = packed["data_samples"]
        sample.set_metainfo({key: results[key] for key in ON_DEVICE if key in results})
        for target in DENSE_TARGETS.values():
            if target.array in results and target.truth not in sample:
                channels = np.moveaxis(np.atleast_3d(results[target.array]), 2, 0)
                data = torch.from_numpy(np.ascontiguousarray(channels))
                sample.set_data({target.truth: PixelData(data=data)})
        return packed
