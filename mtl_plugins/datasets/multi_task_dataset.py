"""Data sets of image and target files in folders."""

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from mmseg.registry import DATASETS

from ..errors import ConfigError, DataError
from ..targets import PREDEFINED, SEMSEG, Target
from ..utils import did_you_mean, did_you_mean_path, track
from .declarations import Declaration, Own, declarations
from .dense_dataset import DenseDataset
from .formats import TargetFormat, build_format

MMSEG_META = ("classes", "palette")
"""Parameters of `semseg` that mmseg keeps in `metainfo`."""


@DATASETS.register_module()
class MultiTaskDataset(DenseDataset):
    """Read images and their targets from parallel folders of files with equal names.

    A config describes such a data set without code. A target without a folder is not loaded (a
    test set, or a set for one task). A subclass with another rule for file names overrides
    `target_path`.

    Args:
        data_root: folder that contains the others.
        targets: declaration of each target by its name: `folder` (of this split, below
            `data_root`), `suffix` (ending of its file names; default ".png"), parameters of
            `Target` (`type`, `classes`, `palette`, `unit`, `range`, `distance`) and arguments of
            its format (`label_map`, `scale`, `invalid`, ...), or `format=dict(type=...)` for a
            format of your own. `semseg`, `depth` and `normals` need no `type`. The predefined
            three may also be described by mmseg's arguments below.
        data_prefix: folders `img_path`, `seg_map_path`, `depth_map_path`, `normal_map_path` of
            this split.
        img_suffix, seg_map_suffix, depth_map_suffix, normal_map_suffix: endings of the file
            names; the names before them must be equal.
        ann_file: text file with one name (without suffix) per line; '': every image of the folder.
        metainfo: `classes` (names) and `palette` (RGB per class) of `semseg`.
        label_map: class id (255: none) of each raw label value or, if labels are colours, of each
            (R, G, B); None: raw values are ids already.
        depth_format: arguments of `DepthFormat`: scale, offset, inverse, invalid, ...
        normal_format: arguments of `NormalFormat`: scale, offset, signs.
        check_files: look for all files at once; False: a missing file is an error when its sample
            is read.
        kwargs: as in `DenseDataset` and mmseg's `BaseSegDataset` (pipeline, indices, ...).

    A config declares a second label set and a mask like this:

        targets=dict(
            lanes=dict(type="classes", folder="lanes/train", classes=("none", "solid", "dashed")),
            edges=dict(type="binary", folder="edges/train", label_map={0: 0, 255: 1}))

    Raises:
        DataError: a folder or file is missing; the message has the first few names.
        ConfigError: a target has no such parameter, or one of another form; or a transform of the
            pipeline would break a target that is loaded.
    """

    CHECKING: ClassVar[dict] = dict(check_files=False)

    # Whether every file in the folders belongs to the set: then a target without image is wrong.
    WHOLE_FOLDERS: ClassVar[bool] = True

    def __init__(
        self,
        targets: Mapping[str, Mapping[str, Any]] | None = None,
        depth_map_suffix: str = ".png",
        normal_map_suffix: str = ".png",
        label_map: Mapping | None = None,
        depth_format: Mapping[str, Any] | None = None,
        normal_format: Mapping[str, Any] | None = None,
        check_files: bool = True,
        **kwargs: Any,
    ) -> None:
        self.check_files = check_files
        own: dict[str, Own] = dict(
            semseg=(
                kwargs.get("seg_map_suffix", ".png"),
                {} if label_map is None else dict(label_map=label_map),
                "",
            ),
            depth=(depth_map_suffix, depth_format or {}, "depth_format"),
            normals=(normal_map_suffix, normal_format or {}, "normal_format"),
        )
        self.declarations: dict[str, Declaration] = declarations(targets or {}, own)
        self.declared = {name: each.parameters for name, each in self.declarations.items()}
        kwargs["data_prefix"] = self._folders(kwargs.get("data_prefix") or {})
        semseg = self.declared[SEMSEG.name]
        # None is "none given", which mmseg's metainfo does not know.
        classes = {key: semseg[key] for key in MMSEG_META if semseg.get(key) is not None}
        if "classes" in classes:
            # Colours belong to the classes that they are given with.
            classes = dict(palette=[]) | classes
        kwargs["metainfo"] = {**(kwargs.get("metainfo") or {}), **classes}
        super().__init__(**kwargs)

    def make_formats(self) -> dict[str, TargetFormat]:
        loaded = {target.name: target for target in self.targets()}
        # Arguments of a target that is not loaded are checked as well.
        formats = {
            name: build_format(loaded.get(name, each.target), each.arguments, each.written_as)
            for name, each in self.declarations.items()
            if name in loaded or not each.target.integer
        }
        return {name: formats[name] for name in loaded}

    def _folders(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return `data_prefix` with the folders of the declared targets.

        Raises:
            ConfigError: a folder is of no target, or is given twice.
        """
        folders = dict(given)
        keys = {"img_path"}
        for name, declaration in self.declarations.items():
            key = declaration.target.path
            keys.add(key)
            if declaration.folder is not None:
                if folders.get(key, declaration.folder) != declaration.folder:
                    raise ConfigError(
                        f"targets.{name}.folder={declaration.folder!r}, but data_prefix.{key}="
                        f"{folders[key]!r}. Leave one of them out."
                    )
                folders[key] = declaration.folder
            elif name not in PREDEFINED and key not in folders:
                raise ConfigError(
                    f"targets.{name} has no folder; give the one of its files, or leave the target "
                    "out of a data set without it."
                )
        for key in given:
            if key not in keys:
                raise ConfigError(f"data_prefix has no folder {key!r}. {did_you_mean(key, keys)}")
        return folders

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

    def target_path(self, name: str, target: Target) -> str:
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

    def _suffix(self, target: Target) -> str:
        return self.declarations[target.name].suffix

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
        names = {target.path: target.name for target in self.targets()}
        for key, name in {"img_path": "image", **names}.items():
            looked_for = track([e[key] for e in entries], f"looking for {name} files")
            missing = [path for path in looked_for if not os.path.isfile(path)]
            if missing:
                listed = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
                raise DataError(
                    f"{len(missing)} of {len(entries)} {name} files are missing: {listed}. "
                    f"Complete the folder, list the complete samples in ann_file, or leave the "
                    f"folder (data_prefix.{key} or targets.{name}) out."
                )
