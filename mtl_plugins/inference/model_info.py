"""The description in every exported file: tasks, classes, units and normalisation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..checkpoints import CheckpointError
from ..errors import ConfigError
from ..models import MultiTaskDataPreprocessor
from ..models.segmentors import MultiTaskSegmentor
from ..targets import SEMSEG
from ..utils import parse_json
from ..version import __version__
from .predictor import is_rgb

KEY = "mtl_plugins"
"""The key of `ModelInfo.to_json` in an exported file."""

LARGEST = 1e6
"""Bound for means and standard deviations of intensities, far above any real one."""


@dataclass(frozen=True)
class ModelInfo:
    """Describe an exported model, so that its file alone suffices to run it.

    Args:
        tasks: the kind of each task ("semseg", "depth", "normals", ...) by its name, which is also
            the name of the model's output; in the order of the outputs.
        classes, palette: names and RGB colours of the classes; empty without classes.
        depth_unit: unit of depth: "m", or "relative".
        mean, std: of each channel, in intensities of 0 to 255, after `bgr_to_rgb`.
        bgr_to_rgb: whether the channels are swapped before the normalisation.
        preprocess: whether the model normalises: its input is then N,H,W,3 uint8 in BGR, else
            N,3,H,W float32, normalised.
        size_divisor: the model pads its images to multiples of this.
        size: (height, width) where the model takes images of one size only, else None.
        version: of the toolkit that wrote the file.
    """

    tasks: dict[str, str]
    classes: tuple[str, ...]
    palette: tuple[tuple[int, ...], ...]
    depth_unit: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bgr_to_rgb: bool
    preprocess: bool
    size_divisor: int
    size: tuple[int, int] | None = None
    version: str = __version__

    @classmethod
    def of(
        cls, network: MultiTaskSegmentor, metainfo: Mapping[str, Any], preprocess: bool = False
    ) -> ModelInfo:
        """Describe a model.

        Args:
            network: the model.
            metainfo: of its data set: `classes`, `palette`, `depth_unit` (default: m).
            preprocess: whether the normalisation is exported with it.

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
        # Encoders have it that take images of one size only.
        sizes = (getattr(module, "fixed_size", None) for module in network.modules())
        classes = tuple(str(name) for name in metainfo.get("classes") or ())
        for task, head in network.decode_head.tasks():
            if head.target is SEMSEG and classes and head.out_channels != len(classes):
                raise ConfigError(
                    f"The task {task!r} predicts {head.out_channels} classes, but the data set "
                    f"names {len(classes)}. Give the config that the checkpoint was trained with."
                )
        return cls(
            tasks={task: head.target.kind for task, head in network.decode_head.tasks()},
            classes=classes,
            palette=tuple(tuple(map(int, colour)) for colour in metainfo.get("palette") or ()),
            depth_unit=str(metainfo.get("depth_unit", "m")),
            mean=tuple(preprocessor.mean.flatten().tolist()),
            std=tuple(preprocessor.std.flatten().tolist()),
            bgr_to_rgb=preprocessor.bgr_to_rgb,
            preprocess=preprocess,
            size_divisor=network.size_divisor,
            size=next((tuple(size) for size in sizes if size), None),
        )

    @property
    def metainfo(self) -> dict[str, Any]:
        """Classes, palette, depth unit and tasks, see `Predictor`."""
        return dict(
            classes=self.classes,
            palette=[list(colour) for colour in self.palette],
            depth_unit=self.depth_unit,
            tasks=dict(self.tasks),
        )

    def to_json(self) -> str:
        """Return the text that is stored in a file."""
        return json.dumps(asdict(self))

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
            known = {field.name for field in fields(cls)}
            info = cls(**{key: _frozen(value) for key, value in values.items() if key in known})
            info._check()
            return info
        except (ValueError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"The description in {path} cannot be read ({error}); export the model again."
            ) from error

    def _check(self) -> None:
        """Raise a `ValueError` that names the first field of a wrong type or value."""
        rules = dict(
            tasks=bool(self.tasks)
            and isinstance(self.tasks, dict)
            and _all(str, (*self.tasks, *self.tasks.values())),
            classes=isinstance(self.classes, tuple) and _all(str, self.classes),
            palette=isinstance(self.palette, tuple)
            and len(self.palette) in (0, len(self.classes))
            and all(map(is_rgb, self.palette)),
            depth_unit=isinstance(self.depth_unit, str),
            mean=len(self.mean) == 3 and all(abs(value) < LARGEST for value in self.mean),
            std=len(self.std) == 3 and all(1 / LARGEST < value < LARGEST for value in self.std),
            bgr_to_rgb=isinstance(self.bgr_to_rgb, bool),
            preprocess=isinstance(self.preprocess, bool),
            size_divisor=_all(int, [self.size_divisor]) and self.size_divisor > 0,
            size=self.size is None or (len(self.size) == 2 and _all(int, self.size)),
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
