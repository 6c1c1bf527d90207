"""The kinds of output, from which the writer and the options of tools/predict.py follow.

This file imports no package, because `tools/predict.py --help` reads it and must answer at once.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of output.

    Args:
        help: content, for the command's help.
        needs: the kind of task that it shows; None: every network has it.
        default_of: inputs for which it is written unless kinds are chosen: "images", "videos" or
            neither.
    """

    help: str
    needs: str | None = None
    default_of: str = ""


KINDS = {
    "panel": Kind("image and predictions with their keys, in one picture", None, "images"),
    "overlay": Kind("colours of the classes over the image", "semseg", "images"),
    "labels": Kind("class ids as 8-bit PNG", "semseg", "images"),
    "depth": Kind("depth as 16-bit PNG, see --depth-scale; 0: none", "depth", "images"),
    "depth_color": Kind("depth in colours, with a colour bar", "depth"),
    "normals": Kind("normals as 8-bit PNG, (x, y, z) = value / 127.5 - 1", "normals"),
    "maps": Kind("every other task's values as .npy, in a folder for each kind", None, "images"),
    "video": Kind("image | classes | depth | normals of a video, side by side", None, "videos"),
}
"""Every kind by its name, which is also the name of its folder. An option of the command is the
name with "-" for "_"."""
