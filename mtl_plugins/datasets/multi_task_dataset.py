"""Any data set of image and target files in folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from mmseg.registry import DATASETS

from ..errors import ConfigError, DataError
from ..targets import DENSE_TARGETS, DEPTH, NORMALS, SEMSEG, DenseTarget
from ..utils import did_you_mean, did_you_mean_path, track
from .dense_dataset import DenseDataset
from .formats.label_format import LabelFormat
from .formats.target_formats import build_format


@DATASETS.register_module()
class MultiTaskDataset(DenseDataset):
    """Images with files of their targets of the same name in parallel folders.

    Describe a data set in a config alone: no code is needed where each target is a file beside
    each image. A target whose folder is not named is not there (a test set, or a set with one
    task only). A data set whose files are paired by another rule overrides `target_path`.

    Args:
        data_root: folder that the others stand in.
        data_prefix: folders `img_path`, `seg_map_path`, `depth_map_path`, `normal_map_path` of
            this split, and the `path` of any other registered kind.
        img_suffix, seg_map_suffix, depth_map_suffix, normal_map_suffix: endings of the file
            names; what is before them must be equal.
        ann_file: text file with one name (without suffix) a line; '': every image of the folder.
        metainfo: `classes` (names) and `palette` (RGB a class).
        label_map: class id (255: none) for each raw label value or, where labels are colours, for
            each (R, G, B); None: they are ids already.
        depth_format: arguments of `DepthFormat`: scale, offset, inverse, invalid, ...
        normal_format: arguments of `NormalFormat`: scale, offset, signs.
        target_formats: for each other kind of target the arguments of its format: of what was
            given to `register_format`, else of `ValueFormat` (scale, offset, invalid).
        target_suffixes: for each other kind the ending of its file names; default: ".png".
        check_files: whether all files are looked for at once; otherwise a missing one is an error
            when its sample is read.
        kwargs: as in `DenseDataset` and mmseg's `BaseSegDataset` (pipeline, indices, ...).

    Raises:
        DataError: a folder or file is missing, with the names of the first few.
        ConfigError: an unknown argument of a format, or a transform of the pipeline that would
            break a target that is loaded.
    """

    CHECKING: ClassVar[dict] = dict(check_files=False)

    # Whether every file in the folders belongs to the set, so that one without an image is wrong.
    WHOLE_FOLDERS: ClassVar[bool] = True

    def __init__(
        self,
        depth_map_suffix: str = ".png",
        normal_map_suffix: str = ".png",
        label_map: Mapping | None = None,
        depth_format: Mapping[str, Any] | None = None,
        normal_format: Mapping[str, Any] | None = None,
        target_formats: Mapping[str, Mapping[str, Any]] | None = None,
        target_suffixes: Mapping[str, str] | None = None,
        check_files: bool = True,
        **kwargs: Any,
    ) -> None:
        self.depth_map_suffix = depth_map_suffix
        self.normal_map_suffix = normal_map_suffix
        self.check_files = check_files
        self.target_suffixes = dict(target_suffixes or {})
        given = dict(target_formats or {})
        _check_kinds("target_formats", given)
        _check_kinds("target_suffixes", self.target_suffixes)
        decode_depth = build_format(DEPTH.kind, depth_format, "depth_format")
        decode_normals = build_format(NORMALS.kind, normal_format, "normal_format")
        others = {
            kind: build_format(kind, given.get(kind), f"target_formats.{kind}")
            for kind in DENSE_TARGETS
            if kind not in (SEMSEG.kind, DEPTH.kind, NORMALS.kind)
        }
        _check_prefix(kwargs.get("data_prefix") or {})
        super().__init__(**kwargs)
        self.formats = {
            SEMSEG.kind: LabelFormat(len(self.metainfo["classes"]), label_map),
            DEPTH.kind: decode_depth,
            NORMALS.kind: decode_normals,
            **others,
        }

    def load_data_list(self) -> list[dict]:
        """Return one entry an image, with the files of its targets."""
        folder = self.data_prefix.get("img_path") or ""
        names = self._listed_names() if self.ann_file else self._names_in(folder)
        entries = [
            dict(
                img_path=os.path.join(folder, name + self.img_suffix),
                **{target.path: self.target_path(name, target) for target in self.targets()},
            )
            for name in names
        ]
        if self.check_files:
            self._check_files(entries)
        return entries

    def target_path(self, name: str, target: DenseTarget) -> str:
        """Return the file of a target of the image `name` (its path without folder and suffix)."""
        return os.path.join(self.data_prefix[target.path], name + self._suffix(target))

    def unpaired_files(self) -> list[str]:
        """Return the target files in the folders that belong to no image, sorted.

        A data set that is listed or chosen from its folders has no such files.
        """
        if self.ann_file or not self.WHOLE_FOLDERS:
            return []
        used = {entry.get(t.path) for entry in self.load_data_list() for t in self.targets()}
        found = (
            os.path.join(self.data_prefix[target.path], name + self._suffix(target))
            for target in self.targets()
            for name in self._files(self.data_prefix[target.path], self._suffix(target))
        )
        return sorted(set(found) - used)

    def _suffix(self, target: DenseTarget) -> str:
        own = target.path.removesuffix("_path") + "_suffix"
        return getattr(self, own, self.target_suffixes.get(target.kind, ".png"))

    def _listed_names(self) -> list[str]:
        if not os.path.isfile(self.ann_file):
            hint = did_you_mean_path(self.ann_file)
            raise DataError(f"ann_file {self.ann_file} does not exist. {hint}".rstrip())
        with open(self.ann_file, encoding="utf-8") as lines:
            names = [line.strip() for line in lines if line.strip()]
        if not names:
            raise DataError(f"ann_file {self.ann_file} lists no image.")
        return names

    def _names_in(self, folder: str) -> list[str]:
        if not os.path.isdir(folder):
            hint = did_you_mean_path(folder)
            raise DataError(
                f"The image folder {folder} does not exist. Set data_root (now {self.data_root!r}) "
                f"or data_prefix.img_path to where the data is. {hint}".rstrip()
            )
        names = self._files(folder, self.img_suffix)
        if not names:
            raise DataError(
                f"The image folder {folder} has no file ending in {self.img_suffix!r}. Set "
                "img_suffix to the ending of the images."
            )
        return names

    def _files(self, folder: str, suffix: str) -> list[str]:
        """Return the files below a folder that end in a suffix, without it, sorted."""
        return sorted(
            os.path.relpath(os.path.join(base, file), folder)[: -len(suffix)]
            for base, _, files in track(os.walk(folder, followlinks=True), f"listing {folder}")
            for file in files
            if file.endswith(suffix)
        )

    def _check_files(self, entries: list[dict]) -> None:
        """Raise where a file that an entry names is not there."""
        names = {target.path: target.kind for target in self.targets()}
        for key, kind in {"img_path": "image", **names}.items():
            looked_for = track([e[key] for e in entries], f"looking for {kind} files")
            missing = [path for path in looked_for if not os.path.isfile(path)]
            if missing:
                listed = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
                raise DataError(
                    f"{len(missing)} of {len(entries)} {kind} files are missing: {listed}. "
                    f"Complete the folder, list the complete samples in ann_file, or leave "
                    f"data_prefix.{key} out."
                )


def _check_prefix(folders: Mapping[str, str]) -> None:
    """Raise for a folder of nothing that is read: what it was meant for would be left out."""
    known = {"img_path", *(target.path for target in DENSE_TARGETS.values())}
    for name in folders:
        if name not in known:
            raise ConfigError(f"data_prefix has no folder {name!r}. {did_you_mean(name, known)}")


def _check_kinds(argument: str, given: Mapping[str, Any]) -> None:
    """Raise for what is said of kinds that are unknown or have arguments of their own."""
    own = {SEMSEG.kind: "seg_map", DEPTH.kind: "depth", NORMALS.kind: "normal"}
    for kind in given:
        if kind in own:
            raise ConfigError(
                f"{argument} is for other kinds than {kind!r}, which has arguments of its own that "
                f"begin with {own[kind]!r}, or label_map."
            )
        if kind not in DENSE_TARGETS:
            raise ConfigError(
                f"{argument} names {kind!r}, which is no registered kind of target. "
                f"{did_you_mean(kind, DENSE_TARGETS)} Is its module in custom_imports?"
            )
