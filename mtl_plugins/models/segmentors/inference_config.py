"""Options of prediction: whole images or sliding windows, test-time augmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from ...errors import ConfigError

Merge = Literal["mean", "max"]


@dataclass(frozen=True)
class Augmentation:
    """Predict an image in several sizes and mirrored, and merge the predictions.

    Args:
        scales: factors of the image's size; 1.0 is the image itself.
        flip: whether each size is predicted mirrored (left and right) as well.
        merge: "mean" or "max" over all views of class probabilities, metres, ...: one for all
            tasks, or a dict with one per task.

    Raises:
        ConfigError: a scale is not positive, or a merge has another name.
    """

    scales: Sequence[float] = (0.75, 1.0, 1.25)
    flip: bool = True
    merge: Merge | Mapping[str, Merge] = "mean"

    def __post_init__(self) -> None:
        if not self.scales or min(self.scales) <= 0:
            raise ConfigError(f"tta: scales={self.scales}; expected numbers above 0.")
        merges = self.merge.values() if isinstance(self.merge, Mapping) else [self.merge]
        if not set(merges) <= {"mean", "max"}:
            raise ConfigError(
                f"tta: merge={self.merge!r}; expected 'mean' or 'max', or one of them per task."
            )

    def merge_of(self, task: str) -> Merge:
        """Return the merge of a task's views."""
        return self.merge.get(task, "mean") if isinstance(self.merge, Mapping) else self.merge

    def check_tasks(self, merges: Mapping[str, Sequence[Merge]]) -> None:
        """Raise a `ConfigError` for an unknown task, or a merge that a task does not support.

        Args:
            merges: the merges that each task of the model supports.
        """
        strangers = set(self.merge) - set(merges) if isinstance(self.merge, Mapping) else set()
        if strangers:
            raise ConfigError(
                f"tta: merge names {sorted(strangers)}; the model's tasks are {list(merges)}."
            )
        for task, possible in merges.items():
            if self.merge_of(task) not in possible:
                raise ConfigError(
                    f"tta: merge={self.merge!r}, but {task} can be merged by {possible} only. "
                    f"Write merge=dict(..., {task}={possible[0]!r})."
                )


@dataclass(frozen=True)
class InferenceConfig:
    """Hold the checked `test_cfg` of a model.

    Args:
        mode: "whole" images, or "slide" for windows whose overlap is averaged.
        crop_size, stride: (H, W) of the windows and of the steps between them, in pixels.
        tta: None, or the arguments of `Augmentation`.
        keep_raw: also store logits and raw depth on every sample (large).

    Raises:
        ConfigError: an unknown argument, a sliding mode without windows, or raw maps of several
            views.
    """

    mode: Literal["whole", "slide"] = "whole"
    crop_size: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    tta: Augmentation | None = None
    keep_raw: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> InferenceConfig:
        """Return the checked form of a config's `test_cfg`."""
        given = _known(dict(config or {}), cls, "test_cfg")
        if given.get("tta") is not None:
            given["tta"] = Augmentation(**_known(dict(given["tta"]), Augmentation, "test_cfg.tta"))
        return cls(**given)

    def __post_init__(self) -> None:
        if self.mode not in ("whole", "slide"):
            raise ConfigError(
                f"MultiTaskSegmentor: test_cfg mode={self.mode!r}; choose 'whole' or 'slide'."
            )
        for name in ("crop_size", "stride"):
            pair = getattr(self, name)
            if self.mode == "slide" and (pair is None or len(pair) != 2 or min(pair) < 1):
                raise ConfigError(
                    f"MultiTaskSegmentor: test_cfg mode='slide' needs crop_size=(H, W) and "
                    f"stride=(H, W) in pixels; {name} is {pair}."
                )
        stride, crop_size = tuple(self.stride or ()), tuple(self.crop_size or ())
        if self.mode == "slide" and any(s > c for s, c in zip(stride, crop_size, strict=True)):
            raise ConfigError(
                f"MultiTaskSegmentor: test_cfg stride={stride} is larger than "
                f"crop_size={crop_size}: the windows would leave gaps."
            )
        if self.keep_raw and self.tta is not None:
            raise ConfigError(
                "MultiTaskSegmentor: test_cfg keep_raw=True has no meaning with tta, which merges "
                "probabilities and metres, not raw maps. Leave one of them out."
            )


def _known(given: dict[str, Any], kind: type, name: str) -> dict[str, Any]:
    """Return the arguments; raise for those that the dataclass does not have."""
    accepted = [field.name for field in fields(kind)]
    unknown = sorted(set(given) - set(accepted))
    if unknown:
        raise ConfigError(
            f"MultiTaskSegmentor: {name} has no {unknown}; it takes {', '.join(accepted)}."
        )
    return given
