"""Colours, noise, blur and weather by Albumentations, for the image alone."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError
from ...models.preprocessing import RGB_CHANNELS
from ...utils import did_you_mean

TRIAL = (64, 96)
"""Height and width of the picture on which every transform is tried."""

MOVES = (
    "moves or cuts the picture, and targets would stay behind. Use the transforms of "
    "docs/transforms.md for that"
)


@TRANSFORMS.register_module()
class AlbuImage(BaseTransform):
    """Change the image by transforms of Albumentations; targets stay as they are.

    Every transform that keeps the place of the pixels can be used: colours, noise, blur,
    compression, weather (https://albumentations.ai). They may be nested in its `OneOf`, `SomeOf`,
    `Sequential` and `RandomOrder`. The randomness is that of the sample, as in all transforms.
    They change red, green and blue alone; further channels stay as they are. Images of more than 8
    bits are given to them as shares of 0 to 1, which not all of them take.

    Args:
        transforms: list of `dict(type=<name in Albumentations>, **arguments)`; those that contain
            others list them in `transforms`.

    Raises:
        ImportError: Albumentations is not installed.
        ConfigError: a name or an argument is unknown, a transform moves pixels or fails on a
            picture, or it changes the type or the size of the image.

    In a config: `dict(type='AlbuImage', transforms=[dict(type='ISONoise', p=0.3)])`, anywhere
    between `LoadImage` and `PackTargets`.
    """

    def __init__(self, transforms: Sequence[Mapping[str, Any]]) -> None:
        if find_spec("albumentations") is None:
            raise ImportError(
                'AlbuImage needs Albumentations. Run: pip install "mtl_plugins[augmentation]"'
            )
        # It would look for newer versions on the network.
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        import albumentations

        if isinstance(transforms, Mapping) or not transforms:
            raise ConfigError(
                f"AlbuImage(transforms={transforms!r}); expected a list of dict(type=..., ...)."
            )
        self.given = [*transforms]
        self.compose = albumentations.Compose([_built(each) for each in transforms])

    def transform(self, results: dict) -> dict:
        """Change the colours of `img`, H,W,C BGR and others."""
        self.compose.set_random_seed(np.random.randint(1 << 31))
        image = results["img"]
        changed = self._changed(np.ascontiguousarray(image[..., RGB_CHANNELS - 1 :: -1]))[..., ::-1]
        others = image[..., RGB_CHANNELS:]
        results["img"] = np.ascontiguousarray(np.concatenate([changed, others], axis=-1))
        return results

    def _changed(self, rgb: np.ndarray) -> np.ndarray:
        """Return a changed picture H,W,3, uint8 or float32 of 0 to 255."""
        if rgb.dtype == np.uint8:
            return self.compose(image=rgb)["image"]
        shares = self.compose(image=rgb / np.float32(255))["image"]
        return shares.clip(0, 1) * np.float32(255)

    def check_levels(self) -> None:
        """Raise a `ConfigError` if a transform does not take images of more than 8 bits."""
        for given in self.given:
            _built(given, np.float32)


def _built(config: Any, dtype: type = np.uint8) -> Any:
    """Build a transform of Albumentations, with those in it, and try it on a picture of a type.

    Raises:
        ConfigError: see `AlbuImage`.
    """
    import albumentations

    given = f"AlbuImage: {config!r}"
    if not isinstance(config, Mapping) or not isinstance(config.get("type"), str):
        raise ConfigError(f"{given}; expected dict(type=<name in Albumentations>, ...).")
    arguments = {key: value for key, value in config.items() if key != "type"}
    kind: Any = getattr(albumentations, config["type"], None)
    several = isinstance(kind, type) and issubclass(kind, albumentations.BaseCompose)
    if several:
        arguments["transforms"] = [
            _built(each, dtype) for each in arguments.get("transforms") or ()
        ]
    elif not (isinstance(kind, type) and issubclass(kind, albumentations.BasicTransform)):
        hint = did_you_mean(config["type"], _names())
        raise ConfigError(f"{given}: Albumentations has no such transform. {hint}".rstrip())
    elif not issubclass(kind, albumentations.ImageOnlyTransform):
        raise ConfigError(f"{given} {MOVES}.")
    try:
        built = _strict(kind, arguments)
        if not several:
            _try(_strict(kind, {**arguments, "p": 1.0}), dtype)
    except ConfigError as error:
        raise ConfigError(f"{given}: {error}") from error
    except Exception as error:
        # Its transforms raise errors of many types.
        reason = " ".join(str(error).split())
        on = "" if dtype is np.uint8 else " on images of more than 8 bits (image_range)"
        raise ConfigError(
            f"{given} does not work{on}: {type(error).__name__}: {reason}."
        ) from error
    return built


def _strict(kind: type, arguments: Mapping[str, Any]) -> Any:
    """Build a transform; unknown arguments, of which it would only warn, are errors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Argument")
        return kind(**arguments)


def _try(transform: Any, dtype: type) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*TRIAL, 3), np.uint8)
    if dtype is np.float32:
        image = image / np.float32(255)
    changed = transform(image=image)["image"]
    if changed.dtype != image.dtype or changed.shape != image.shape:
        raise ConfigError(
            f"it makes {changed.dtype} of shape {changed.shape} from {image.dtype} of "
            f"{image.shape}; expected the same. Normalisation is the data_preprocessor's work."
        )


def _names() -> Iterator[str]:
    import albumentations

    for name, kind in vars(albumentations).items():
        if isinstance(kind, type) and issubclass(kind, albumentations.ImageOnlyTransform):
            yield name
