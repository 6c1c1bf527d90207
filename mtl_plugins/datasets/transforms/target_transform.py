"""What all transforms that move pixels have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import ConfigError
from ...targets import DENSE_TARGETS, DenseTarget
from .arguments import MEAN_COLOUR


class TargetTransform(BaseTransform):
    """Do one thing to the image and every target of a sample; new area is no target.

    A subclass says in `draw` what is to happen to a sample, in `apply` how it happens to an array,
    and in `adjust` whether it changes what values mean (a turned picture turns its normals).

    Args:
        fill: colour (blue, green, red; 0 to 255) of new area in the image; in targets it gets
            their invalid value (classes 255, depth and normals 0).

    Raises:
        ConfigError: while transforming, a target is not decoded yet, has another size than the
            image, or is not one of `DENSE_TARGETS`.

    Shapes: image H,W,3 uint8; targets H,W or H,W,C, listed in `seg_fields`.
    """

    before_decoding = False
    """Whether it may come before `DecodeTargets`: it only cuts."""

    def __init__(self, fill: Sequence[float] = MEAN_COLOUR) -> None:
        self.fill = tuple(fill)

    @abstractmethod
    def draw(self, results: dict) -> Any:
        """Return what is to happen to a sample, None for nothing."""

    @abstractmethod
    def apply(self, array: np.ndarray, drawn: Any, fill: tuple, smooth: bool) -> np.ndarray:
        """Return what becomes of an array.

        Args:
            array: H,W or H,W,C, perhaps a view that must not be written to.
            drawn: what `draw` returned.
            fill: value of new area, one number a channel.
            smooth: whether values may be mixed: of the image they may, of targets never.
        """

    def adjust(self, values: np.ndarray, target: DenseTarget, drawn: Any) -> np.ndarray:
        """Return the values of a moved target, which may mean something else than before."""
        return values

    def transform(self, results: dict) -> dict:
        """Move everything, and set `img_shape` and `ori_shape` (the size of predictions)."""
        targets = targets_of(results, self)
        drawn = self.draw(results)
        if drawn is None:
            return results
        results["img"] = self.apply(results["img"], drawn, self.fill, smooth=True)
        for target in targets:
            fill = (target.invalid,) * target.channels
            values = self.apply(results[target.array], drawn, fill, smooth=False)
            results[target.array] = self.adjust(values, target, drawn)
        shape = results["img"].shape[:2]
        results.update(img_shape=shape, ori_shape=shape)
        return results


def targets_of(results: dict, mover: BaseTransform) -> list[DenseTarget]:
    """Return the targets of a sample, which `mover` is about to move with the image.

    Raises:
        ConfigError: see `TargetTransform`.
    """
    name = type(mover).__name__
    fields = results.get("seg_fields", [])
    targets = [target for target in DENSE_TARGETS.values() if target.array in fields]
    unknown = sorted(set(fields) - {target.array for target in targets})
    if unknown:
        raise ConfigError(
            f"{name} does not know which value of {unknown} is invalid. Call register_target for "
            "the target (docs/plugins.md), or take it out of seg_fields."
        )
    if not getattr(mover, "before_decoding", False):
        require_decoded(results, mover)
    size = results["img"].shape[:2]
    for target in targets:
        found = results[target.array].shape[:2]
        if found != size:
            raise ConfigError(
                f"{name}: {target.array} is {found[0]}x{found[1]} pixels, but its image "
                f"{size[0]}x{size[1]}. Put LoadTargets before whatever resizes or cuts the image."
            )
    return targets


def turn_vectors(
    values: np.ndarray, target: DenseTarget, turn: Callable[[np.ndarray], None]
) -> None:
    """Turn the vectors of H,W,C in place by `turn`; pixels without truth stay as they are."""
    # Zero stays zero, whichever way it is turned.
    none = (values == target.invalid).all(-1) if target.invalid else None
    turn(values)
    if none is not None:
        values[none] = target.invalid


def require_decoded(results: dict, mover: BaseTransform) -> None:
    """Raise where a target is still as in its file, whose values must not be computed with.

    Raises:
        ConfigError: it names `mover` and the targets.
    """
    raw = sorted(results.get("undecoded", ()))
    if raw:
        raise ConfigError(
            f"{type(mover).__name__} would change {raw}, which are still as in their files. Put it "
            "after DecodeTargets; between LoadTargets(decode=False) and that only crops may stand."
        )
