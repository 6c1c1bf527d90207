"""Any data set of image and target files in folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ..errors import ConfigError, DataError
from ..structures import DENSE_TARGETS, DEPTH, NORMALS, SEMSEG, DenseTarget
from .depth_format import DepthFormat
from .label_format import LabelFormat
from .normal_format import NormalFormat

DEPTH_BREAKING = frozenset(
    ["CenterCrop", "Pad", "RandomCutOut", "RandomMosaic", "RandomRotate", "RandomRotFlip"]
)
"""Transforms of mmcv and mmseg that treat depth as labels, or not at all."""

NORMALS_BREAKING = DEPTH_BREAKING | {"Albu", "PackSegInputs", "RandomFlip"}
"""Those that leave normals behind, or move them without turning their vectors."""


@DATASETS.register_module()
class MultiTaskDataset(BaseSegDataset):
    """Images with files of their targets of the same name in parallel folders.

    Describe a data set in a config alone: no code is needed where each target is a file beside
    each image. A target whose folder is not named is not there (a test set, or a set with one
    task only).

    Args:
        data_root: folder that the others stand in.
        data_prefix: folders `img_path`, `seg_map_path`, `depth_map_path`, `normal_map_path` of
            this split.
        img_suffix, seg_map_suffix, depth_map_suffix, normal_map_suffix: endings of the file
            names; what is before them must be equal.
        ann_file: text file with one name (without suffix) a line; '': every image of the folder.
        metainfo: `classes` (names) and `palette` (RGB a class).
        label_map: class id (255: none) for each raw label value; None: they are ids already.
        depth_format: arguments of `DepthFormat`: scale, offset, inverse, invalid, ...
        normal_format: arguments of `NormalFormat`: scale, offset, signs.
        depth_unit: what pictures and tables call the unit; "m" unless depth is relative.
        kwargs: as in mmseg's `BaseSegDataset` (pipeline, indices, test_mode, ...).

    Raises:
        DataError: a folder or file is missing, with the names of the first few.
        ConfigError: an unknown argument of a format, or a transform of the pipeline that would
            break a target that is loaded.
    """

    # A data set of depth alone has no classes, which mmseg would insist on.
    METAINFO: ClassVar[dict] = dict(classes=(), palette=[])

    def __init__(
        self,
        depth_map_suffix: str = ".png",
        normal_map_suffix: str = ".png",
        label_map: Mapping[int, int] | None = None,
        depth_format: Mapping[str, Any] | None = None,
        normal_format: Mapping[str, Any] | None = None,
        depth_unit: str = "m",
        **kwargs: Any,
    ) -> None:
        self.depth_map_suffix = depth_map_suffix
        self.normal_map_suffix = normal_map_suffix
        decode_depth = _built(DepthFormat, "depth_format", depth_format)
        decode_normals = _built(NormalFormat, "normal_format", normal_format)
        super().__init__(**kwargs)
        self._check_transforms()
        # Not through metainfo=, where mmengine takes every text for a file's name.
        self._metainfo["depth_unit"] = depth_unit
        self.decoders: dict[str, Callable[[np.ndarray, str], np.ndarray]] = {
            SEMSEG.kind: LabelFormat(len(self.metainfo["classes"]), label_map),
            DEPTH.kind: decode_depth,
            NORMALS.kind: decode_normals,
        }

    def _check_transforms(self) -> None:
        """Raise where a transform would leave a target behind, or make it wrong."""
        names = {type(transform).__name__ for transform in self.pipeline.transforms}
        wrong = sorted(names & NORMALS_BREAKING)
        if wrong and self.data_prefix.get(NORMALS.path):
            raise ConfigError(
                f"The pipeline has {wrong}, which leave normals behind or move them without "
                "turning their vectors. Flip with FlipTargets, pack with PackTargets, and leave "
                "the others out where normals are loaded."
            )
        wrong = sorted(names & DEPTH_BREAKING)
        if wrong and self.data_prefix.get(DEPTH.path):
            raise ConfigError(
                f"The pipeline has {wrong}, which move the image without its depth or fill new "
                "area with a depth of 255. Leave them out where depth is loaded."
            )

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """Return no map: class ids follow from `label_map` alone, not from class names."""
        return None

    def load_data_list(self) -> list[dict]:
        """Return one entry an image, with the files of its targets."""
        folder = self.data_prefix.get("img_path") or ""
        names = self._listed_names() if self.ann_file else self._names_in(folder)
        suffixes = {target.path: self._suffix(target) for target in self._targets()}
        entries = []
        for name in names:
            entry: dict[str, Any] = dict(img_path=os.path.join(folder, name + self.img_suffix))
            for key, suffix in suffixes.items():
                entry[key] = os.path.join(self.data_prefix[key], name + suffix)
            entries.append(entry)
        self._check_files(entries)
        return entries

    def get_data_info(self, idx: int) -> dict:
        """Return one entry together with how its targets are decoded."""
        info = super().get_data_info(idx)
        info.update(
            seg_fields=[],
            decoders=self.decoders,
            reduce_zero_label=False,
        )
        return info

    def _targets(self) -> list[DenseTarget]:
        """Return the targets whose folder is named."""
        return [t for t in DENSE_TARGETS.values() if self.data_prefix.get(t.path)]

    def _suffix(self, target: DenseTarget) -> str:
        return getattr(self, target.path.removesuffix("_path") + "_suffix")

    def _listed_names(self) -> list[str]:
        if not os.path.isfile(self.ann_file):
            raise DataError(f"ann_file {self.ann_file} does not exist.")
        with open(self.ann_file, encoding="utf-8") as lines:
            names = [line.strip() for line in lines if line.strip()]
        if not names:
            raise DataError(f"ann_file {self.ann_file} lists no image.")
        return names

    def _names_in(self, folder: str) -> list[str]:
        if not os.path.isdir(folder):
            raise DataError(
                f"The image folder {folder} does not exist. Set data_root (now {self.data_root!r}) "
                "or data_prefix.img_path to where the data is."
            )
        names = [
            os.path.relpath(os.path.join(base, file), folder)[: -len(self.img_suffix)]
            for base, _, files in os.walk(folder, followlinks=True)
            for file in files
            if file.endswith(self.img_suffix)
        ]
        if not names:
            raise DataError(
                f"The image folder {folder} has no file ending in {self.img_suffix!r}. Set "
                "img_suffix to the ending of the images."
            )
        return sorted(names)

    def _check_files(self, entries: list[dict]) -> None:
        """Raise where a file that an entry names is not there."""
        names = {target.path: target.kind for target in self._targets()}
        for key, kind in {"img_path": "image", **names}.items():
            missing = [e[key] for e in entries if key in e and not os.path.isfile(e[key])]
            if missing:
                listed = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
                raise DataError(
                    f"{len(missing)} of {len(entries)} {kind} files are missing: {listed}. "
                    f"Complete the folder, list the complete samples in ann_file, or leave "
                    f"data_prefix.{key} out."
                )


def _built(format_class: type, name: str, arguments: Mapping[str, Any] | None) -> Any:
    """Build a format from a config's argument `name`, or say what is wrong with it."""
    try:
        return format_class(**(arguments or {}))
    except TypeError as error:
        raise ConfigError(f"{name}={dict(arguments or {})}: {error}") from error
