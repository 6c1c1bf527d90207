"""The kinds of output, from which the writer and the options of tools/predict.py follow.

This file imports no package, because `tools/predict.py --help` reads it and must answer at once.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of output.

    Args:
        help: content, for the command's help.
        shows: forms of the targets that it shows, each in a file of its own; (): one file shows
            all targets. A form is a type of target, or "distance".
        default_of: inputs for which it is written unless kinds are chosen: "images", "videos" or
            neither.
        defaults: forms that it shows unless it is chosen; None: all of `shows`.
    """

    help: str
    shows: tuple[str, ...] = ()
    default_of: str = ""
    defaults: tuple[str, ...] | None = None


LABELS = ("classes", "binary")
VALUES = ("scalar", "offset")

KINDS = {
    "panel": Kind("image and predictions with their keys, in one picture", (), "images"),
    "overlay": Kind("colours of the classes over the image", ("classes",), "images"),
    "labels": Kind("class ids, and 0 or 1 of masks, as PNG", LABELS, "images"),
    "depth": Kind("depth as 16-bit PNG, see --depth-scale; 0: none", ("distance",), "images"),
    "depth_color": Kind("depth in colours, with a colour bar", ("distance",)),
    "normals": Kind("normals as 8-bit PNG, (x, y, z) = value / 127.5 - 1", ("direction",)),
    "maps": Kind(
        "values of every task as .npy (by default of numbers and offsets alone)",
        (*LABELS, "distance", "direction", *VALUES),
        "images",
        VALUES,
    ),
    "confidence": Kind(
        "confidence of classes and masks, 0 to 1, as 8-bit PNG: value / 255", LABELS
    ),
    "probability": Kind(
        "probability of each class (of 1 for masks) as .npy, float32: large", LABELS
    ),
    "video": Kind("image and every task of a video, side by side", (), "videos"),
}
"""Every kind by its name, which is also the name of its folder. An option of the command is the
name with "-" for "_"."""
