"""Data sets of image and target files in folders."""

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from mmseg.registry import DATASETS

from ..errors import ConfigError, DataError
from ..targets import PREDEFINED, SEMSEG, Target
from ..utils import did_you_mean, did_you_mean_path, shown, track, warn
from .ann_file import listed_names
from .declarations import Declaration, Own, checked_suffixes, declarations
from .dense_dataset import DenseDataset
from .extra_images import declared_extras
from .files import BYTES, IMAGE_SUFFIXES, Ranges, StoredFiles, each_range, files_below, named_files
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
            `data_root`), `suffix` (ending of its file names, or several; default ".png"), `resize`
            (True: its files may be of another resolution, and are brought to the images' size),
            parameters of `Target` (`type`, `classes`, `palette`, `unit`, `range`, `distance`) and
            arguments of its format (`label_map`, `scale`, `invalid`, ...), or
            `format=dict(type=...)` for a format of your own. `semseg`, `depth` and `normals` need
            no `type`. The predefined three may also be described by mmseg's arguments below.
        extra_images: further channels of the images by their names, each with the `folder` of its
            files of one channel (of this split, below `data_root`), `suffix` (default ".png") and,
            for 16 bits, `image_range`. Their files are paired as those of targets, and stacked
            behind the image's channels in this order.
        data_prefix: folders `img_path`, `seg_map_path`, `depth_map_path`, `normal_map_path` of
            this split.
        img_suffix, seg_map_suffix, depth_map_suffix, normal_map_suffix: ending of the file names,
            or a list of endings; the names before them must be equal. Capital letters after the dot
            (.JPG) do not matter.
        ann_file: text file with one name per line, see `listed_names`; '': every image of the
            folder and its sub-folders. Hidden files are no images.
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
        extra_images: Mapping[str, Mapping[str, Any]] | None = None,
        depth_map_suffix: str | Sequence[str] = ".png",
        normal_map_suffix: str | Sequence[str] = ".png",
        label_map: Mapping | None = None,
        depth_format: Mapping[str, Any] | None = None,
        normal_format: Mapping[str, Any] | None = None,
        check_files: bool = True,
        **kwargs: Any,
    ) -> None:
        self.check_files = check_files
        # A subclass may list its samples in another way.
        self._stored, self._unpaired, self._left_out = StoredFiles(), list[str](), list[str]()
        self._image_suffixes = checked_suffixes("img_suffix", kwargs.get("img_suffix", ".jpg"))
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
        self.resized = {name for name, each in self.declarations.items() if each.resize}
        self.declared = {name: each.parameters for name, each in self.declarations.items()}
        self.extra_images = declared_extras(extra_images, self.declarations)
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
            ConfigError: a folder is of no target, is no text, or is given twice.
        """
        # None leaves a target out, as everywhere in a config.
        folders = {key: folder for key, folder in given.items() if folder is not None}
        for key, folder in folders.items():
            if not isinstance(folder, str):
                raise ConfigError(f"data_prefix.{key}={folder!r}; expected a folder, as text.")
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
        for extra in self.extra_images.values():
            keys.add(extra.file.path)
            folders[extra.file.path] = extra.folder
        for key in given:
            if key not in keys:
                raise ConfigError(f"data_prefix has no folder {key!r}. {did_you_mean(key, keys)}")
        return folders

    def paired(self) -> list[Target]:
        """Return the targets, and the extra images as targets, whose files belong to an image."""
        return [*self.targets(), *(extra.file for extra in self.extra_images.values())]

    @property
    def added_channels(self) -> int:
        """Return the number of channels that `extra_images` add to the image."""
        return len(self.extra_images)

    @property
    def image_range(self) -> Ranges | None:
        """Return the range of 16-bit values; where channels have different ones, that of each."""
        own, others = self.file_range, [each.image_range for each in self.extra_images.values()]
        if own is None and not any(others):
            return None
        colours = each_range(own or BYTES, self.file_channels)
        ranges = (*colours, *(each or BYTES for each in others))
        return ranges if len({*ranges}) > 1 else ranges[0]

    def read_image(self, entry: dict, backend_args: dict | None = None) -> np.ndarray:
        """Return the image of an entry with its extra channels, see `DenseDataset.read_image`."""
        image = super().read_image(entry, backend_args)
        extras = [
            extra.read(entry[extra.file.path], backend_args, image)
            for extra in self.extra_images.values()
        ]
        return np.concatenate([image, *extras], axis=-1) if extras else image

    def load_data_list(self) -> list[dict]:
        folder = self.data_prefix.get("img_path") or ""
        self._stored = StoredFiles()
        names = self._listed_names(folder) if self.ann_file else self._names_in(folder)
        suffixes = {"img_path": self._image_suffixes}
        suffixes.update((target.path, self._suffixes(target)) for target in self.paired())
        entries, missing = [], dict[str, list[str]]()
        for name in track(names, "looking for files"):
            entry = {"img_path": os.path.join(folder, name + self._image_suffixes[0])}
            for target in self.paired():
                entry[target.path] = self.target_path(name, target)
            for key, path in entry.items():
                found = self._stored.find(path, suffixes[key])
                entry[key] = found or path
                if found is None:
                    missing.setdefault(key, []).append(path)
            entries.append(entry)
        if self.check_files:
            self._refuse_missing(missing, len(entries))
        self._find_unused(entries, folder)
        self._stored = StoredFiles()  # its listings are needed no more
        return entries

    def target_path(self, name: str, target: Target) -> str:
        """Return the target file of the image `name` (its path without folder and suffix)."""
        return os.path.join(self.data_prefix[target.path], name + self._suffix(target))

    def unpaired_files(self) -> list[str]:
        """Return the target files in the folders that belong to no image, sorted.

        With an `ann_file`, or if the set is a part of its folders, there are none by definition.
        """
        self.full_init()
        return self._unpaired

    def left_out_files(self) -> list[str]:
        """Return the pictures in the image folder that are neither image nor target, sorted.

        They are hidden or have another suffix. None by definition where `unpaired_files` has none.
        """
        self.full_init()
        return self._left_out

    def _find_unused(self, entries: list[dict], folder: str) -> None:
        """Warn of files in the folders that belong to no sample."""
        self._unpaired, self._left_out = [], []
        if self.ann_file or not self.WHOLE_FOLDERS:
            return
        used = {path for entry in entries for path in entry.values()}
        found = {
            path
            for target in self.paired()
            for path in self._files(self.data_prefix[target.path], self._suffixes(target)).values()
        }
        self._unpaired = sorted(found - used)
        self._left_out = sorted(
            path
            for path in {*self._walked(folder)} - found - used
            if os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES
        )
        for files, text in (
            (
                self._left_out,
                f"in {folder} are left out, because they are hidden or do not end in "
                f"{' or '.join(self._image_suffixes)} (img_suffix may be a list)",
            ),
            (self._unpaired, "of targets are left out, because they belong to no image"),
        ):
            if files:
                count = f"{len(files)} file{'s' * (len(files) != 1)}"
                warn(f"{count} {text}: {_some(files)}. tools/check_data.py lists them.")

    def _suffixes(self, target: Target) -> tuple[str, ...]:
        return (self.extra_images.get(target.name) or self.declarations[target.name]).suffixes

    def _suffix(self, target: Target) -> str:
        return self._suffixes(target)[0]

    def _listed_names(self, folder: str) -> list[str]:
        suffixes = self._image_suffixes

        def exists(name: str) -> bool:
            path = os.path.join(folder, name + suffixes[0])
            return self._stored.find(path, suffixes) is not None

        return listed_names(self.ann_file, folder, self.data_root or "", suffixes, exists)

    def _names_in(self, folder: str) -> list[str]:
        if not os.path.isdir(folder):
            hint = did_you_mean_path(folder)
            raise DataError(
                f"The image folder {folder} does not exist. Set data_root (now {self.data_root!r}) "
                f"or data_prefix.img_path to where the data is. {hint}".rstrip()
            )
        names = [*self._files(folder, self._image_suffixes)]
        if not names:
            endings = " or ".join(map(repr, self._image_suffixes))
            others = Counter(os.path.splitext(path)[1] for path in self._walked(folder))
            holds = ", ".join(f"{n} of {ending!r}" for ending, n in others.most_common(3))
            raise DataError(
                f"The image folder {folder} has no file ending in {endings}"
                f"{f', but {holds}' if holds else ''}. Set img_suffix to the ending of the images."
            )
        return names

    def _files(self, folder: str, suffixes: Collection[str]) -> dict[str, str]:
        """Return a folder's files that have one of the suffixes by name, sorted."""
        return named_files(folder, self._walked(folder), suffixes)

    def _walked(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder."""
        return [*track(files_below(folder), f"listing {folder}")]

    def _refuse_missing(self, missing: Mapping[str, list[str]], count: int) -> None:
        names = {"img_path": "image", **{target.path: target.name for target in self.paired()}}
        for key, name in names.items():
            if paths := missing.get(key):
                where = "extra_images" if name in self.extra_images else "targets"
                raise DataError(
                    f"{len(paths)} of {count} {name} files are missing: {_some(paths)}. "
                    f"Complete the folder, list the complete samples in ann_file, or leave the "
                    f"folder (data_prefix.{key} or {where}.{name}) out."
                )


def _some(paths: Sequence[str]) -> str:
    """Return the first few paths."""
    return ", ".join(map(shown, paths[:3])) + (", ..." if len(paths) > 3 else "")
