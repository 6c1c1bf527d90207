"""Refusal of transforms that would silently make a target wrong, with their replacements."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from ..errors import ConfigError
from ..models.preprocessing import RGB_CHANNELS
from ..targets import IGNORE_LABEL, MMSEG_LABELS, PACKED_BY_MMSEG, Target, named_targets
from .transforms import (
    AlbuImage,
    DecodeTargets,
    EvaluationCrop,
    FillSkyDepth,
    FlipTargets,
    IgnoreEmpty,
    LoadTargets,
    MosaicTargets,
    ResizeTargets,
    TargetTransform,
)


def _of_mmseg(target: Target) -> bool:
    """Return whether a target is mmseg's label map, whose new area mmseg fills with 255."""
    return target.array == MMSEG_LABELS and target.invalid == IGNORE_LABEL


@dataclass(frozen=True)
class Fault:
    """Describe what some transforms do to some targets.

    Args:
        harm: what they do, with the targets' names in the place of {}.
        harms: whether a target suffers from it.
        instead: name of each transform -> its replacement.
    """

    harm: str
    harms: Callable[[Target], bool]
    instead: Mapping[str, str]


FAULTS = (
    Fault(
        "ignores what the data set says about the files of {}",
        lambda target: True,
        dict.fromkeys(
            ("LoadAnnotations", "LoadDepthAnnotation", "LoadBiomedicalAnnotation"), "LoadTargets"
        ),
    ),
    Fault(
        "moves the image away from {}, or mixes the values of neighbouring pixels",
        lambda target: True,
        {
            "BioMedical3DRandomFlip": "FlipTargets",
            "RandomRotFlip": "RotateTargets and FlipTargets",
            "SegRescale": "ResizeSample",
        },
    ),
    Fault(
        "leaves {} behind, or fills new area with 255",
        lambda target: not _of_mmseg(target),
        {
            "Albu": "AlbuImage, or for geometry the transforms of this package,",
            "CenterCrop": "CenterCropTargets",
            "Pad": "PadTargets",
            "RandomCutOut": "CutOutTargets",
            "RandomMosaic": "MosaicTargets",
            "RandomRotate": "RotateTargets",
            "mmcv.RandomFlip": "FlipTargets",
            "mmcv.Resize": "mmseg's Resize (default_scope='mmseg')",
        },
    ),
    Fault(
        "leaves {} behind",
        lambda target: target.array not in PACKED_BY_MMSEG,
        {"PackSegInputs": "PackTargets"},
    ),
    Fault(
        "moves {}, but does not turn the vectors",
        lambda target: target.vector,
        {"RandomFlip": "FlipTargets"},
    ),
    Fault(
        "moves {}, but does not scale the vectors",
        lambda target: target.type == "offset",
        dict.fromkeys(
            ("Resize", "ResizeToMultiple"), "ResizeTargets (resize_type='ResizeTargets')"
        ),
    ),
)
"""Faults of mmcv's and mmseg's transforms."""

NO_SAMPLE: Mapping[str, str] = {
    **dict.fromkeys(("BioMedical3DPad", "LoadBiomedicalData"), "LoadImage and LoadTargets"),
    "BioMedical3DRandomCrop": "RandomCrop",
    "ConcatCDInput": "LoadImage, for one image a sample",
    "ImageToTensor": "PackTargets",
    **dict.fromkeys(
        (
            "LoadBiomedicalImageFromFile",
            "LoadMultipleRSImageFromFile",
            "LoadSingleRSImageFromFile",
        ),
        "LoadImage",
    ),
    **dict.fromkeys(
        ("MultiScaleFlipAug", "TestTimeAug"),
        "model.test_cfg=dict(tta=dict(scales=(0.5, 1.0), flip=True))",
    ),
    "ToTensor": "PackTargets",
    "TransformBroadcaster": "the transforms inside of it",
}
"""Transforms that need or make something else than one picture with its targets; what to use."""

ON_VALUES = (
    TargetTransform,
    FlipTargets,
    MosaicTargets,
    EvaluationCrop,
    FillSkyDepth,
    IgnoreEmpty,
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
    harmed = [
        f"{name} {fault.harm.format(', '.join(suffering))}. Use {fault.instead[name]} for {name}."
        for fault in FAULTS
        if (suffering := [target.name for target in targets if fault.harms(target)])
        for name in sorted(names & set(fault.instead))
    ]
    harmed += [
        f"{name} needs or makes something else than one picture with its targets. Use "
        f"{NO_SAMPLE[name]} for {name}."
        for name in sorted(names & set(NO_SAMPLE))
    ]
    if harmed:
        raise ConfigError(f"The pipeline would make targets wrong: {' '.join(harmed)}")
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
        if isinstance(transform, FlipTargets):
            swapped = [key for key in transform.swapped if key != MMSEG_LABELS]
            owner = "FlipTargets(swap_seg_labels=...)"
            for target in named_targets(targets, swapped, owner):
                ids = {each for pair in transform.swapped[target.name] for each in pair}
                if unknown := sorted(ids - {*range(target.num_classes)}):
                    raise ConfigError(
                        f"{owner} swaps {unknown} of {target.name!r}, whose classes are 0 to "
                        f"{target.num_classes - 1}."
                    )
    _check_order(found)


COLOUR_TRANSFORMS: Mapping[str, str] = {
    **dict.fromkeys(("PhotoMetricDistortion", "mmseg.PhotoMetricDistortion"), "PhotometricJitter"),
    "AdjustGamma": "AlbuImage with RandomGamma",
    "CLAHE": "AlbuImage with CLAHE",
    **dict.fromkeys(("RGB2Gray", "RandomGrayscale"), "AlbuImage with ToGray"),
    "Rerange": "image_range of the data set",
}
"""Colour transforms that need three channels of 8 bits; what to use."""

READERS = ("LoadImageFromFile", "LoadImageFromNDArray")
"""Transforms that read three channels of 8 bits."""


def check_colours(transforms: Sequence[Any], channels: int, levels: bool) -> None:
    """Raise if a transform would lose channels, or levels of more than 8 bits.

    Args:
        transforms: a built pipeline.
        channels: number of channels of the images.
        levels: whether images may have more than 256 levels, as float32.

    Raises:
        ConfigError: the message names the transform and its replacement.
    """
    if channels == RGB_CHANNELS and not levels:
        return
    images = f"images of {channels} channels" + " of more than 8 bits" * levels
    for transform in within(transforms):
        name = _name(transform)
        instead = "LoadImage" if name in READERS else COLOUR_TRANSFORMS.get(name)
        if instead:
            raise ConfigError(
                f"{name} takes three channels of 8 bits alone, and the data set has {images}. Use "
                f"{instead} for {name}."
            )
        if levels and isinstance(transform, AlbuImage):
            transform.check_levels()


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


def replacement(name: str) -> str | None:
    """Return what to use in the place of a transform of mmcv or mmseg; None if it may be right.

    >>> replacement("mmseg.RandomRotate"), replacement("CLAHE")
    ('RotateTargets', None)
    """
    short = name.rpartition(".")[2]
    found = [fault.instead[short] for fault in FAULTS if short in fault.instead]
    return found[0] if found else NO_SAMPLE.get(short)


def _name(transform: Any) -> str:
    """Return a transform's name in configs; mmcv's and mmseg's Resize and RandomFlip differ."""
    kind = type(transform)
    own = kind.__name__ in ("Resize", "RandomFlip") and kind.__module__.startswith("mmcv.")
    return f"mmcv.{kind.__name__}" if own else kind.__name__
