"""The description in every exported file: targets of the tasks, and normalisation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..checkpoints import CheckpointError
from ..datasets.files import Ranges, is_image_range
from ..errors import ConfigError
from ..models import MultiTaskDataPreprocessor
from ..models.preprocessing import RGB_CHANNELS
from ..models.segmentors import MultiTaskSegmentor
from ..targets import Target
from ..utils import parse_json
from ..version import __version__
from .descriptions import extra_outputs, from_plain, is_rgb, metainfo_of, targets_of, to_plain

KEY = "mtl_plugins"
"""The key of `ModelInfo.to_json` in an exported file."""

LARGEST = 1e6
"""Bound for means and standard deviations of intensities, far above any real one."""


@dataclass(frozen=True)
class ModelInfo:
    """Describe an exported model, so that its file alone suffices to run it.

    Args:
        targets: the target of each task by the task's name, which is also the name of the model's
            output; in the order of the outputs.
        mean, std: of each channel, in intensities of 0 to 255, after `bgr_to_rgb`. Their number is
            that of the channels of an image.
        bgr_to_rgb: whether red and blue are swapped before the normalisation.
        preprocess: whether the model normalises: its input is then N,H,W,3 uint8 in BGR (where
            images have other channels or an `image_range`, float32 intensities of 0 to 255), else
            N,3,H,W float32, normalised.
        size_divisor: the model pads its images to multiples of this.
        size: (height, width) where the model takes images of one size only, else None.
        image_range: values of 16-bit images that become 0 and 255, see `read_image`.
        extras: names of the outputs after the tasks', such as `semseg_confidence`.
        version: of the toolkit that wrote the file.
    """

    targets: dict[str, Target]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bgr_to_rgb: bool
    preprocess: bool
    size_divisor: int
    size: tuple[int, int] | None = None
    image_range: Ranges | None = None
    extras: tuple[str, ...] = ()
    version: str = __version__

    @classmethod
    def of(
        cls,
        network: MultiTaskSegmentor,
        metainfo: Mapping[str, Any],
        preprocess: bool = False,
        extras: Sequence[str] = (),
    ) -> ModelInfo:
        """Describe a model.

        Args:
            network: the model.
            metainfo: of its predictor; empty: targets as the network has them.
            preprocess: whether the normalisation is exported with it.
            extras: which of `EXTRAS` are outputs too.

        Raises:
            ConfigError: the number of classes differs from the model's, or the preprocessor is not
                ours.
        """
        preprocessor = network.data_preprocessor
        if not isinstance(preprocessor, MultiTaskDataPreprocessor):
            raise ConfigError(
                f"The model's data_preprocessor is a {type(preprocessor).__name__}, whose "
                "normalisation an exported model cannot carry; use MultiTaskDataPreprocessor."
            )
        targets = {**network.decode_head.targets(), **targets_of(metainfo)}
        for task, head in network.decode_head.tasks():
            names = targets[task].classes
            if names and head.out_channels != len(names):
                raise ConfigError(
                    f"The task {task!r} predicts {head.out_channels} classes, but the data set "
                    f"names {len(names)}. Give the config that the checkpoint was trained with."
                )
        return cls(
            targets={task: targets[task] for task, _ in network.decode_head.tasks()},
            mean=tuple(preprocessor.mean.flatten().tolist()),
            std=tuple(preprocessor.std.flatten().tolist()),
            bgr_to_rgb=preprocessor.bgr_to_rgb,
            preprocess=preprocess,
            size_divisor=network.size_divisor,
            size=network.fixed_size or network.largest_size,
            image_range=metainfo.get("image_range"),
            extras=(*extra_outputs(dict(network.decode_head.tasks()), extras),),
        )

    @property
    def plain(self) -> bool:
        """Return whether the images are three channels of 8 bits."""
        return len(self.mean) == RGB_CHANNELS and self.image_range is None

    @property
    def outputs(self) -> list[str]:
        """Return the names of the outputs in their order."""
        return [*self.targets, *self.extras]

    @property
    def metainfo(self) -> dict[str, Any]:
        """Targets of the tasks and what follows from them, see `Predictor`."""
        known = metainfo_of(self.targets, self.image_range, len(self.mean))
        return {**known, "extras": self.extras}

    def to_json(self) -> str:
        """Return the text that is stored in a file, with the entries of version 0.1 as well."""
        own = {**asdict(self), "targets": to_plain(self.targets)}
        return json.dumps({**self.metainfo, **own})

    @classmethod
    def from_json(cls, text: str | None, path: str) -> ModelInfo:
        """Read the text that `to_json` wrote.

        Args:
            text: the value of `KEY` in the file at `path`, or None.

        Raises:
            CheckpointError: there is no text, or `to_json` did not write it.
        """
        if text is None:
            raise CheckpointError(
                f"{path} does not say what its outputs are: expected a file written by "
                "tools/export.py."
            )
        try:
            values = parse_json(text)
            known = {field.name for field in fields(cls)} - {"targets"}
            given = {key: _frozen(value) for key, value in values.items() if key in known}
            # Without targets, the file is one of version 0.1.
            stored = values.get("targets")
            targets = targets_of(values) if stored is None else from_plain(stored)
            info = cls(targets=targets, **given)
            info._check()
            return info
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise CheckpointError(
                f"The description in {path} cannot be read ({error}); export the model again."
            ) from error

    def _check(self) -> None:
        """Raise a `ValueError` that names the first field of a wrong type or value."""
        channels = len(self.mean)
        rules = dict(
            targets=bool(self.targets)
            and all(
                _all(str, (task, each.unit, each.truth_of))
                and isinstance(each.distance, bool)
                and all(map(is_rgb, each.palette))
                for task, each in self.targets.items()
            ),
            mean=channels >= RGB_CHANNELS and all(abs(value) < LARGEST for value in self.mean),
            std=len(self.std) == channels
            and all(1 / LARGEST < value < LARGEST for value in self.std),
            bgr_to_rgb=isinstance(self.bgr_to_rgb, bool),
            preprocess=isinstance(self.preprocess, bool),
            size_divisor=_all(int, [self.size_divisor]) and self.size_divisor > 0,
            size=self.size is None or (len(self.size) == 2 and _all(int, self.size)),
            image_range=self.image_range is None or is_image_range(self.image_range, channels),
            extras=_all(str, self.extras) and len({*self.extras}) == len(self.extras),
        )
        for name, right in rules.items():
            if not right:
                raise ValueError(f"{name} is {getattr(self, name)!r}")


def _all(kind: type, values: Iterable[Any]) -> bool:
    return all(isinstance(value, kind) for value in values)


def _frozen(value: Any) -> Any:
    """Return JSON's lists as tuples."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_frozen(each) for each in value)
    return value
