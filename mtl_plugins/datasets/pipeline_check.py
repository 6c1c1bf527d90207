"""Refusal of transforms that would silently make a target wrong, with their replacements."""

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

from ..errors import ConfigError
from ..targets import DEPTH, SEMSEG, DenseTarget
from .transforms import MosaicTargets, TargetTransform

SEMSEG_BREAKING = {"RandomRotFlip": "RotateTargets and FlipTargets"}
"""Transforms that mix class ids of neighbouring pixels -> replacement."""

DEPTH_BREAKING = {
    **SEMSEG_BREAKING,
    "Albu": "transforms of this package",
    "CenterCrop": "CenterCropTargets",
    "Pad": "PadTargets",
    "RandomCutOut": "CutOutTargets",
    "RandomMosaic": "MosaicTargets",
    "RandomRotate": "RotateTargets",
    "mmcv.RandomFlip": "FlipTargets",
    "mmcv.Resize": "mmseg's Resize (default_scope='mmseg')",
}
"""Transforms of mmcv and mmseg that treat depth as labels, or ignore it -> replacement."""

OTHERS_BREAKING = {**DEPTH_BREAKING, "PackSegInputs": "PackTargets"}
"""Those that ignore kinds of target that mmseg does not know -> replacement."""

VECTORS_BREAKING = {**OTHERS_BREAKING, "RandomFlip": "FlipTargets"}
"""Those that ignore normals, or move them without turning their vectors -> replacement."""


def check_pipeline(transforms: Sequence[Any], targets: Sequence[DenseTarget]) -> None:
    """Raise if a transform would ignore a target or make it wrong.

    Transforms within others (`RandomApply`, `RandomChoice`, `RandomResize`) are checked as well.

    Args:
        transforms: a built pipeline.
        targets: the kinds that the data set loads.

    Raises:
        ConfigError: the message names the transform, and its replacement or its place.
    """
    found = [*_within(transforms)]
    names = {_name(transform) for transform in found}
    for target in reversed(targets):
        breaking, harm = _breaking(target)
        wrong = sorted(names & set(breaking))
        if wrong:
            instead = ", ".join(f"{breaking[name]} for {name}" for name in wrong)
            raise ConfigError(f"The pipeline has {wrong}, which {harm}. Use {instead}.")
    for transform in found:
        name = _name(transform)
        if getattr(transform, "on_device", False) and "PackSegInputs" in names:
            raise ConfigError(
                f"{name} leaves its work to the device, but PackSegInputs forgets what was drawn. "
                "Use PackTargets."
            )
        if getattr(transform, "cat_max_ratio", 1.0) < 1 and SEMSEG not in targets:
            raise ConfigError(
                f"{name}(cat_max_ratio={transform.cat_max_ratio}) looks at labels, but none are "
                "loaded. Leave cat_max_ratio out."
            )
        if getattr(transform, "swap_seg_labels", None) and {*targets} - {SEMSEG}:
            raise ConfigError(
                f"{name}(swap_seg_labels={transform.swap_seg_labels}) swaps depths that equal a "
                "class id too, and whatever else is loaded. Use FlipTargets."
            )
    _check_order(found)


def _breaking(target: DenseTarget) -> tuple[dict[str, str], str]:
    """Return the transforms that harm a target with their replacements, and the harm."""
    if target == SEMSEG:
        return SEMSEG_BREAKING, "mix the class ids of neighbouring pixels"
    if target == DEPTH:
        return DEPTH_BREAKING, "leave depth behind, or fill new area with a depth of 255"
    if target.vector:
        return VECTORS_BREAKING, f"leave {target.kind} behind, or do not turn their vectors"
    return OTHERS_BREAKING, f"leave {target.kind} behind, or fill new area with 255"


def _check_order(transforms: Sequence[Any]) -> None:
    """Raise if the image is transformed before its targets are loaded."""
    names = [_name(transform) for transform in transforms]
    loaded = names.index("LoadTargets") if "LoadTargets" in names else 0
    moving = [isinstance(each, (TargetTransform, MosaicTargets)) for each in transforms]
    if early := [*compress(names[:loaded], moving)]:
        raise ConfigError(
            f"The pipeline has {early} before LoadTargets: the targets would stay behind. Put "
            "LoadTargets first."
        )


def _within(transforms: Sequence[Any]) -> Iterator[Any]:
    """Yield transforms and those that they contain, in order."""
    for transform in transforms:
        yield transform
        yield from _within(getattr(transform, "transforms", ()))
        if hasattr(transform, "resize"):
            yield transform.resize


def _name(transform: Any) -> str:
    """Return a transform's name in configs; mmcv's and mmseg's Resize and RandomFlip differ."""
    kind = type(transform)
    own = kind.__name__ in ("Resize", "RandomFlip") and kind.__module__.startswith("mmcv.")
    return f"mmcv.{kind.__name__}" if own else kind.__name__
