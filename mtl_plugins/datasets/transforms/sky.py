"""What the depth of the sky is."""

from __future__ import annotations

import math

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError
from ...targets import DEPTH, NO_DEPTH, SEMSEG
from .target_transform import require_decoded


@TRANSFORMS.register_module()
class FillSkyDepth(BaseTransform):
    """Give every pixel of the sky one depth: none, or one far away.

    Stereo finds nothing in the sky, or what is not there; renderers write the end of their world.
    Put it after the targets are decoded. Samples without depth pass as they are.

    Args:
        depth: metres; 0: the sky is not measured, whatever its file says.
        class_name: what the data set calls its sky.

    Raises:
        ConfigError: `depth` is negative or not finite, the data set has no such class, or there is
            depth without labels that tell where the sky is.

    Shapes: `gt_depth_map` H,W float32, changed in place where `gt_seg_map` is the sky.
    """

    of_protocol = True
    """What counts as truth: also applied where the data is looked at without augmentation."""

    def __init__(self, depth: float = NO_DEPTH, class_name: str = "sky") -> None:
        if not 0 <= depth < math.inf:
            raise ConfigError(f"FillSkyDepth(depth={depth}); expected metres, 0 or more.")
        self.depth = depth
        self.class_name = class_name

    def transform(self, results: dict) -> dict:
        """Set the depth of the sky."""
        fields = results.get("seg_fields", ())
        if DEPTH.array not in fields:
            return results
        classes = results["dataset"].metainfo["classes"]
        if SEMSEG.array not in fields or self.class_name not in classes:
            raise ConfigError(
                f"FillSkyDepth(class_name={self.class_name!r}) needs labels with that class; the "
                f"data set loads {fields} and has the classes {list(classes)}. Load seg_map_path, "
                "correct class_name, or leave FillSkyDepth out."
            )
        require_decoded(results, self)
        sky = results[SEMSEG.array] == classes.index(self.class_name)
        results[DEPTH.array][sky] = self.depth
        return results
