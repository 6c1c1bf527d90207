"""Data sets of image and target files in folders."""

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from mmseg.registry import DATASETS

from ..errors import ConfigError, DataError
from ..targets import SEMSEG, Target
from ..utils import did_you_mean_path, track, warn
from .ann_file import listed_names
from .ann_table import table_columns, table_samples
from .declarations import Declaration, Own, checked_suffixes, declarations
from .dense_dataset import DenseDataset
from .extra_images import declared_extras
from .files import BYTES, IMAGE_SUFFIXES, Ranges, StoredFiles, each_range, files_below, named_files
from .formats import TargetFormat, build_format
from .paired_files import (
    first_few,
    own_images,
    refuse_empty,
    refuse_missing,
    refuse_repeated,
    refuse_shared,
)
from .pairing import IMAGE_KEY, given_folders, pairing

MMSEG_META = ("classes", "palette")
"""Parameters of `semseg` that mmseg keeps in `metainfo`."""


@DATASETS.register_module()
class MultiTaskDataset(DenseDataset):
    """Read images and their targets from files that are paired by names, patterns or a list.

    A config describes such a data set without code. A target without a folder, pattern or column is
    not loaded (a test set, or a set for one task). A subclass with another rule for file names
    overrides `target_path`. Every path may begin with `~`.

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
            this split. They, and each `folder`, may be patterns of the files' paths, see
            `PathPattern`: "{scene}/rgb/{name}.jpg".
        img_suffix, seg_map_suffix, depth_map_suffix, normal_map_suffix: ending of the file names,
            or a list of endings; the names before them must be equal. Capital letters after the dot
            (.JPG) do not matter. A pattern without an ending is followed by them.
        ann_file: text file with one name per line, see `listed_names`, or with columns for the
            image and targets, see `table_columns`; '': every image of the folder and its
            sub-folders. Hidden files are no images.
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
        for key in ("data_root", "ann_file"):
            path = kwargs.get(key) or ""
            if not isinstance(path, (str, os.PathLike)):
                raise ConfigError(
                    f"{key}={path!r}; expected one path, as text. A ConcatDataset joins several."
                )
            if path:
                kwargs[key] = os.path.expanduser(path)
        suffixes = checked_suffixes("img_suffix", kwargs.get("img_suffix", ".jpg"))
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
        paired = {**self.declarations, **{k: e.files for k, e in self.extra_images.items()}}
        prefix = kwargs.get("data_prefix") or {}
        self._pairing = pairing(prefix, paired, suffixes, self._columns(kwargs, prefix, paired))
        self._image_suffixes = self._pairing.suffixes[IMAGE_KEY]
        own_rule = any(
            getattr(type(self), each) is not getattr(MultiTaskDataset, each)
            for each in ("target_path", "_names_in")
        )
        if own_rule and self._pairing.patterns:
            raise ConfigError(
                f"{type(self).__name__} pairs its files by a rule of its own, so that "
                f"{self._pairing.patterns[IMAGE_KEY]} would have no effect. Use MultiTaskDataset."
            )
        kwargs["data_prefix"] = self._pairing.folders
        semseg = self.declared[SEMSEG.name]
        # None is "none given", which mmseg's metainfo does not know.
        classes = {key: semseg[key] for key in MMSEG_META if semseg.get(key) is not None}
        if "classes" in classes:
            # Colours belong to the classes that they are given with.
            classes = dict(palette=[]) | classes
        kwargs["metainfo"] = {**(kwargs.get("metainfo") or {}), **classes}
        super().__init__(**kwargs)

    def _columns(
        self, given: Mapping[str, Any], prefix: Mapping[str, Any], paired: Mapping[str, Declaration]
    ) -> Sequence[str]:
        """Return the columns of `ann_file`; () if it lists names, or none is given."""
        if not given.get("ann_file"):
            return ()
        path = os.path.join(given.get("data_root") or "", given["ann_file"])
        # Where folders say which targets there are, a list may be missing until it is needed.
        if given_folders(prefix, paired) and not os.path.exists(path):
            return ()
        return table_columns(path, [*paired])

    def make_formats(self) -> dict[str, TargetFormat]:
        loaded = {target.name: target for target in self.targets()}
        # Arguments of a target that is not loaded are checked as well.
        formats = {
            name: build_format(loaded.get(name, each.target), each.arguments, each.written_as)
            for name, each in self.declarations.items()
            if name in loaded or not each.target.integer
        }
        return {name: formats[name] for name in loaded}

    def has_target(self, target: Target) -> bool:
        if self._pairing.columns:
            return target.path in self._pairing.columns.values()
        return target.path in self._pairing.patterns or super().has_target(target)

    def paired(self) -> list[Target]:
        """Return the targets, and the extra images as targets, whose files belong to an image."""
        return [*self.targets(), *(extra.files.target for extra in self.extra_images.values())]

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
            extra.read(entry[extra.files.target.path], backend_args, image)
            for extra in self.extra_images.values()
        ]
        return np.concatenate([image, *extras], axis=-1) if extras else image

    def load_data_list(self) -> list[dict]:
        self._stored = StoredFiles()
        listed, suffixes = self._pairing.columns, self._pairing.suffixes
        wanted, missing = self._wanted(), list[list[str]]()
        lines, samples = [line for line, _ in wanted], [entry for _, entry in wanted]
        for entry in track(samples, "looking for files"):
            missing.append([])
            for key, path in entry.items():
                # The cells of a list are whole paths, or names like those in the folders.
                endings = ("", *suffixes[key]) if listed else suffixes[key]
                found = self._stored.find(path, endings)
                entry[key] = found or path
                if found is None:
                    missing[-1].append(key)
        if not self.ann_file:
            kept = own_images(samples)
            samples, missing = [samples[i] for i in kept], [missing[i] for i in kept]
            lines = [lines[i] for i in kept]
        if self.check_files:
            table = self.ann_file if listed else ""
            refuse_missing(samples, missing, self.paired(), lines, table, self.extra_images)
        if listed:
            refuse_repeated(samples, lines, self.ann_file)
            extras = [each.files.target for each in self.extra_images.values()]
            refuse_empty(samples, extras, lines, self.ann_file)
        refuse_shared(samples, self.paired(), self._pairing.patterns)
        self._find_unused(samples)
        self._stored = StoredFiles()  # its listings are needed no more
        return samples

    def _wanted(self) -> list[tuple[int, dict[str, str]]]:
        """Return the line of each sample in `ann_file` (0: none), and its paths by the config."""
        if columns := self._pairing.columns:
            places = {
                key: self.data_prefix.get(key, self.data_root or "") for key in columns.values()
            }
            return table_samples(self.ann_file, columns, places)
        folder, targets = self.data_prefix.get(IMAGE_KEY) or "", self.paired()
        if self.ann_file:
            names = self._listed_names(folder)
        else:
            names = [(0, name) for name in self._names_in(folder)]
        return [
            (
                line,
                {
                    IMAGE_KEY: os.path.join(folder, name + self._image_suffixes[0]),
                    **{target.path: self.target_path(name, target) for target in targets},
                },
            )
            for line, name in names
        ]

    def target_path(self, name: str, target: Target) -> str:
        """Return the target file of the image `name` (its path without folder and suffix)."""
        patterns = self._pairing.patterns
        if target.path in patterns:
            name = patterns[target.path].fill(patterns[IMAGE_KEY].fields_of(name) or {})
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

    def _find_unused(self, entries: list[dict]) -> None:
        """Warn of files in the folders that belong to no sample."""
        self._unpaired, self._left_out = [], []
        if self.ann_file or not self.WHOLE_FOLDERS:
            return
        used = {path for entry in entries for path in entry.values()}
        found = {
            path
            for target in self.paired()
            for path in self._files(
                self.data_prefix[target.path], self._suffixes(target), target.path
            ).values()
        }
        folder = self.data_prefix.get(IMAGE_KEY) or ""
        self._unpaired = sorted(found - used)
        self._left_out = sorted(
            path
            for path in {*self._walked(folder, IMAGE_KEY)} - found - used
            if os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES
        )
        pattern = self._pairing.patterns.get(IMAGE_KEY)
        reason = (
            f"do not fit {pattern}"
            if pattern
            else f"do not end in {' or '.join(self._image_suffixes)} (img_suffix may be a list)"
        )
        for files, text in (
            (self._left_out, f"in {folder} are left out, because they are hidden or {reason}"),
            (self._unpaired, "of targets are left out, because they belong to no image"),
        ):
            if files:
                count = f"{len(files)} file{'s' * (len(files) != 1)}"
                warn(f"{count} {text}: {first_few(files)}. tools/check_data.py lists them.")

    def _suffixes(self, target: Target) -> tuple[str, ...]:
        return self._pairing.suffixes[target.path]

    def _suffix(self, target: Target) -> str:
        return self._suffixes(target)[0]

    def _listed_names(self, folder: str) -> list[tuple[int, str]]:
        suffixes, pattern = self._image_suffixes, self._pairing.patterns.get(IMAGE_KEY)

        def exists(name: str) -> bool:
            path = os.path.join(folder, name + suffixes[0])
            return self._stored.find(path, suffixes) is not None

        names = listed_names(self.ann_file, folder, self.data_root or "", suffixes, exists)
        others = [name for _, name in names if pattern and pattern.fields_of(name) is None]
        if others:
            raise DataError(
                f"ann_file {self.ann_file} lists {len(others)} images that do not fit {pattern}: "
                f"{first_few(others)}. Give their paths relative to data_root."
            )
        return names

    def _names_in(self, folder: str) -> list[str]:
        pattern = self._pairing.patterns.get(IMAGE_KEY)
        if not folder and not pattern:
            raise DataError(
                "Nothing says where the images are. Give data_prefix.img_path, a folder or a "
                "pattern, or an ann_file with the column 'image' (docs/pairing.md)."
            )
        if not os.path.isdir(folder or os.curdir):
            hint = did_you_mean_path(folder)
            if "*" in folder or os.path.isfile(folder):
                hint = "A pattern of paths has fields in braces, such as 'rgb/{name}.jpg'."
            raise DataError(
                f"The image folder {folder} does not exist. Set data_root (now {self.data_root!r}) "
                f"or data_prefix.img_path to where the data is. {hint}".rstrip()
            )
        names = [*self._files(folder, self._image_suffixes, IMAGE_KEY)]
        if not names and pattern:
            raise DataError(
                f"No image fits {pattern}: {pattern.first_unmatched(folder)}. Correct the pattern, "
                f"or data_root (now {self.data_root!r})."
            )
        if not names:
            endings = " or ".join(map(repr, self._image_suffixes))
            others = Counter(os.path.splitext(path)[1] for path in self._walked(folder))
            holds = ", ".join(f"{n} of {ending!r}" for ending, n in others.most_common(3))
            raise DataError(
                f"The image folder {folder} has no file ending in {endings}"
                f"{f', but {holds}' if holds else ''}. Set img_suffix to the ending of the images."
            )
        return names

    def _files(self, folder: str, suffixes: Collection[str], key: str = "") -> dict[str, str]:
        """Return a folder's files that have one of the suffixes by name, sorted.

        Args:
            folder, suffixes: where they are, and their endings.
            key: of the image or target whose pattern they must fit, if it has one.
        """
        pattern, files = self._pairing.patterns.get(key), self._walked(folder, key)
        return named_files(folder, files, suffixes, *([pattern.fields_of] if pattern else []))

    def _walked(self, folder: str, key: str = "") -> list[str]:
        """Return the paths of all files below a folder, or in the folders of a pattern."""
        pattern = self._pairing.patterns.get(key)
        files = pattern.files(folder) if pattern else files_below(folder)
        return [*track(files, f"listing {folder}")]
