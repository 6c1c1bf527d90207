"""Data sets of image and target files in folders."""

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from mmseg.registry import DATASETS

from ..errors import ConfigError, DataError
from ..targets import DENSE_TARGETS, DEPTH, NORMALS, SEMSEG, DenseTarget
from ..utils import did_you_mean, did_you_mean_path, track
from .dense_dataset import DenseDataset
from .formats.label_format import LabelFormat
from .formats.target_format import build_format


@DATASETS.register_module()
class MultiTaskDataset(DenseDataset):
    """Read images and their targets from parallel folders of files with equal names.

    A config describes such a data set without code. A target without a folder is not loaded (a
    test set, or a set for one task). A subclass with another rule for file names overrides
    `target_path`.

    Args:
        data_root: folder that contains the others.
        data_prefix: folders `img_path`, `seg_map_path`, `depth_map_path`, `normal_map_path` of
            this split, and the `path` of any other registered kind.
        img_suffix, seg_map_suffix, depth_map_suffix, normal_map_suffix: endings of the file
            names; the names before them must be equal.
        ann_file: text file with one name (without suffix) per line; '': every image of the folder.
        metainfo: `classes` (names) and `palette` (RGB per class).
        label_map: class id (255: none) of each raw label value or, if labels are colours, of each
            (R, G, B); None: raw values are ids already.
        depth_format: arguments of `DepthFormat`: scale, offset, inverse, invalid, ...
        normal_format: arguments of `NormalFormat`: scale, offset, signs.
        target_formats: other kind -> arguments of its format: the one given to `register_format`,
            else `ValueFormat` (scale, offset, invalid).
        target_suffixes: other kind -> ending of its file names; default: ".png".
        check_files: look for all files at once; False: a missing file is an error when its sample
            is read.
        kwargs: as in `DenseDataset` and mmseg's `BaseSegDataset` (pipeline, indices, ...).

    Raises:
        DataError: a folder or file is missing; the message has the first few names.
        ConfigError: a format has no such argument, or a transform of the pipeline would break a
            target that is loaded.
    """

    CHECKING: ClassVar[dict] = dict(check_files=False)

    # Whether every file in the folders belongs to the set: then a target without image is wrong.
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
        """Return the target file of the image `name` (its path without folder and suffix)."""
        return os.path.join(self.data_prefix[target.path], name + self._suffix(target))

    def unpaired_files(self) -> list[str]:
        """Return the target files in the folders that belong to no image, sorted.

        With an `ann_file`, or if the set is a part of its folders, there are none by definition.
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
        """Return the relative paths of a folder's files with a suffix, without it, sorted."""
        return sorted(
            os.path.relpath(os.path.join(base, file), folder)[: -len(suffix)]
            for base, _, files in track(os.walk(folder, followlinks=True), f"listing {folder}")
            for file in files
            if file.endswith(suffix)
        )

    def _check_files(self, entries: list[dict]) -> None:
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
    """Raise for an unknown key of `data_prefix`, whose folder would be ignored."""
    known = {"img_path", *(target.path for target in DENSE_TARGETS.values())}
    for name in folders:
        if name not in known:
            raise ConfigError(f"data_prefix has no folder {name!r}. {did_you_mean(name, known)}")


def _check_kinds(argument: str, given: Mapping[str, Any]) -> None:
    """Raise for kinds that are unknown, or that have arguments of their own."""
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
