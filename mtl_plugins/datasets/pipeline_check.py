"""Refusal of transforms that would silently make a target wrong, with their replacements."""

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

from ..errors import ConfigError
from ..targets import MMSEG_LABELS, PACKED_BY_MMSEG, Target
from .transforms import (
    DecodeTargets,
    EvaluationCrop,
    FillSkyDepth,
    FlipTargets,
    LoadTargets,
    MosaicTargets,
    ResizeTargets,
    TargetTransform,
)

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
"""Those that ignore targets that mmseg does not know -> replacement."""

VECTORS_BREAKING = {**OTHERS_BREAKING, "RandomFlip": "FlipTargets"}
"""Those that ignore vectors, or move them without turning them -> replacement."""

OFFSETS_BREAKING = {**VECTORS_BREAKING, "Resize": "ResizeTargets (resize_type of RandomResize)"}
"""Those that do not scale vectors in pixels either -> replacement."""

ON_VALUES = (
    TargetTransform,
    FlipTargets,
    MosaicTargets,
    EvaluationCrop,
    FillSkyDepth,
    ResizeTargets,
)
"""Transforms that compute with decoded values."""


def check_pipeline(transforms: Sequence[Any], targets: Sequence[Target]) -> None:
    """Raise if a transform would ignore a target or make it wrong.

    Transforms within others (`RandomApply`, `RandomChoice`, `RandomResize`) are checked as well.

    Args:
        transforms: a built pipeline.
        targets: those that the data set loads.

    Raises:
        ConfigError: the message names the transform, and its replacement or its place.
    """
    found = [*within(transforms)]
    names = {_name(transform) for transform in found}
    arrays = {target.array for target in targets}
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
        if getattr(transform, "cat_max_ratio", 1.0) < 1 and MMSEG_LABELS not in arrays:
            raise ConfigError(
                f"{name}(cat_max_ratio={transform.cat_max_ratio}) looks at labels, but none are "
                "loaded. Leave cat_max_ratio out."
            )
        if getattr(transform, "swap_seg_labels", None) and arrays - {MMSEG_LABELS}:
            raise ConfigError(
                f"{name}(swap_seg_labels={transform.swap_seg_labels}) swaps depths that equal a "
                "class id too, and whatever else is loaded. Use FlipTargets."
            )
    _check_order(found)


def _breaking(target: Target) -> tuple[dict[str, str], str]:
    """Return the transforms that harm a target with their replacements, and the harm."""
    if target.array == MMSEG_LABELS:
        return SEMSEG_BREAKING, "mix the class ids of neighbouring pixels"
    if target.type == "offset":
        return OFFSETS_BREAKING, f"leave {target.name} behind, or do not turn and scale its vectors"
    if target.vector:
        return VECTORS_BREAKING, f"leave {target.name} behind, or do not turn its vectors"
    if target.array in PACKED_BY_MMSEG:
        return DEPTH_BREAKING, f"leave {target.name} behind, or fill new area with 255"
    return OTHERS_BREAKING, f"leave {target.name} behind, or fill new area with 255"


def _check_order(transforms: Sequence[Any]) -> None:
    """Raise if the image is transformed before its targets are loaded, or values before decoding.

    Between `LoadTargets(decode=False)` and `DecodeTargets`, targets have the raw values of their
    files, with which no transform may compute.
    """
    names = [_name(transform) for transform in transforms]
    loaded = names.index("LoadTargets") if "LoadTargets" in names else 0
    moving = [isinstance(each, (TargetTransform, MosaicTargets)) for each in transforms]
    if early := [*compress(names[:loaded], moving)]:
        raise ConfigError(
            f"The pipeline has {early} before LoadTargets: the targets would stay behind. Put "
            "LoadTargets first."
        )
    raw = False
    for transform, name in zip(transforms, names, strict=True):
        if isinstance(transform, LoadTargets):
            raw = not transform.decode
        elif isinstance(transform, DecodeTargets):
            if not raw:
                raise ConfigError(
                    "The pipeline has DecodeTargets, but the targets are decoded already. Take it "
                    "out, or write LoadTargets(decode=False)."
                )
            raw = False
        elif raw and isinstance(transform, ON_VALUES) and not _only_cuts(transform):
            raise ConfigError(
                f"{name} would change targets that are still as in their files. Put it after "
                "DecodeTargets; before that, LoadTargets(decode=False) allows only crops."
            )
    if raw:
        raise ConfigError(
            "The pipeline has LoadTargets(decode=False) without DecodeTargets: the network would "
            "get the raw values of the files. Put DecodeTargets after the crop."
        )


def _only_cuts(transform: Any) -> bool:
    on_device = isinstance(transform, FlipTargets) and transform.on_device
    return on_device or getattr(transform, "before_decoding", False)


def within(transforms: Sequence[Any]) -> Iterator[Any]:
    """Yield transforms and those that they contain, in order."""
    for transform in transforms:
        yield transform
        yield from within(getattr(transform, "transforms", ()))
        if hasattr(transform, "resize"):
            yield transform.resize


def _name(transform: Any) -> str:
    """Return a transform's name in configs; mmcv's and mmseg's Resize and RandomFlip differ."""
    kind = type(transform)
    own = kind.__name__ in ("Resize", "RandomFlip") and kind.__module__.startswith("mmcv.")
    return f"mmcv.{kind.__name__}" if own else kind.__name__
