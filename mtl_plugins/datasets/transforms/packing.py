"""From arrays to a sample."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from ...targets import DENSE_TARGETS

ON_DEVICE = ("device_flip", "device_colors")
"""What was drawn for the sample and is left to the preprocessor."""


@TRANSFORMS.register_module()
class PackTargets(PackSegInputs):
    """Pack the image and every dense target that is there.

    mmseg's `PackSegInputs` knows labels and depth alone and leaves all other targets behind.

    Args:
        meta_keys: what of the results becomes the sample's metainfo, see mmseg.

    Shapes: `img` H,W,3 -> `inputs` 3,H,W; targets H,W -> 1,H,W and H,W,C -> C,H,W.
    """

    def transform(self, results: dict) -> dict:
        """Return `inputs` and `data_samples`."""
        image = results.pop("img")
        packed = super().transform(results)
        # Rows are copied as they are, several times as fast as channel by channel, which the
        # device does when it stacks the batch. Packed data is mapped read-only: a copy in any case.
        packed["inputs"] = torch.from_numpy(image.copy(order="C")).permute(2, 0, 1)
        sample = packed["data_samples"]
        sample.set_metainfo({key: results[key] for key in ON_DEVICE if key in results})
        for target in DENSE_TARGETS.values():
            if target.array in results and target.truth not in sample:
                channels = np.moveaxis(np.atleast_3d(results[target.array]), 2, 0)
                data = torch.from_numpy(np.ascontiguousarray(channels))
                sample.set_data({target.truth: PixelData(data=data)})
        return packed
