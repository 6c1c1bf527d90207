"""NYU Depth v2: 1449 labelled indoor scenes of a Kinect, and the conversion of its .mat file."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from mmseg.registry import DATASETS
from PIL import Image

from ...errors import ConfigError, DataError
from ...targets import IGNORE_LABEL, PREDEFINED
from ...utils import UNFINISHED, replaced, track
from ..files import read_mat
from ..multi_task_dataset import MultiTaskDataset
from .known_targets import Declared, known_targets

MAT_URL = "http://horatio.cs.nyu.edu/mit/silberman/nyu_depth_v2/nyu_depth_v2_labeled.mat"
SPLITS_URL = "http://horatio.cs.nyu.edu/mit/silberman/indoor_seg_sup/splits.mat"
CLASSES_URL = "https://github.com/ankurhanda/nyuv2-meta-data/raw/master/classMapping40.mat"

NAMES_40 = (
    "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf",
    "picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror",
    "floor mat", "clothes", "ceiling", "books", "refrigerator", "television", "paper", "towel",
    "shower curtain", "box", "whiteboard", "person", "night stand", "toilet", "sink", "lamp",
    "bathtub", "bag", "other structure", "other furniture", "other prop",
)  # fmt: skip
"""Classes 1 to 40 of Gupta et al. 2013 (https://doi.org/10.1109/CVPR.2013.79)."""

NAMES_13 = (
    "bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "picture", "sofa",
    "table", "tv", "wall", "window",
)  # fmt: skip
"""Classes 1 to 13 of Couprie et al. 2013 (https://arxiv.org/abs/1301.3572)."""

TO_13 = (
    12, 5, 6, 1, 4, 9, 10, 12, 13, 6, 8, 6, 13, 10, 6, 13, 6, 7, 7, 5, 7, 3, 2, 6, 11, 7, 7, 7, 7,
    7, 7, 6, 7, 7, 7, 7, 7, 7, 6, 7,
)  # fmt: skip
"""Class of 13 for each class of 40 (class13Mapping.mat of https://github.com/ankurhanda/
nyuv2-meta-data)."""

TO_40 = {0: IGNORE_LABEL, **{i: i - 1 for i in range(1, 41)}}
"""Class id of each value of a file of 40 classes."""

KINDS = ("rgb", "label40", "depth")
PREFIXES = ("img_path", "seg_map_path", "depth_map_path")
"""Folders of a scene's image, classes and depth, and their keys in `data_prefix`."""

REACH = 9.999
"""Metres below the 10 m at which the depth ends, to the millimetre of the files."""

LABELS = 894
"""Number of object names in the .mat file; label 0 is unlabelled."""


@DATASETS.register_module()
class NYUv2MultiTask(MultiTaskDataset):
    """NYUv2's labelled part: 640x480 images, 40 or 13 classes, depth in 16-bit millimetres.

    The folders are those that `tools/convert_nyuv2.py` writes. Unlabelled pixels (0) have no
    class. The authors' toolbox ends depth at 10 m (`maxDepth` in its camera_params.m); that and
    farther counts as not measured. Source: https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html

    Args:
        split: "train" (795 images) or "test" (654), on which papers also validate.
        num_classes: 40, or 13.
        targets: as in `MultiTaskDataset`. `dict(edges={})` adds the thinned borders of the 40
            classes (`binary`).

    Raises:
        ConfigError: another split or number of classes.
    """

    def __init__(
        self,
        split: str = "train",
        num_classes: int = 40,
        targets: Declared | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in ("train", "test") or num_classes not in (40, 13):
            raise ConfigError(
                f"NYUv2MultiTask(split={split!r}, num_classes={num_classes}); expected 'train' or "
                "'test', and 40 or 13."
            )
        to_13 = {0: IGNORE_LABEL, **{i: to - 1 for i, to in enumerate(TO_13, start=1)}}
        edges = dict(
            type="binary",
            folder=f"label40/{split}",
            format=dict(type="OutlineFormat", thinned=True),
        )
        known = {**{name: {} for name in PREDEFINED}, "edges": edges}
        defaults = dict(
            data_prefix=dict(zip(PREFIXES, (f"{kind}/{split}" for kind in KINDS), strict=True)),
            img_suffix=".png",
            seg_map_suffix=".png",
            label_map=TO_40 if num_classes == 40 else to_13,
            depth_format=dict(scale=0.001, max_depth=REACH),
            metainfo=dict(classes=NAMES_40 if num_classes == 40 else NAMES_13),
        )
        own = known_targets("NYUv2MultiTask", targets or {}, known)
        super().__init__(**{**defaults, **kwargs}, targets=own)


def convert_nyuv2(mat: str, splits: str, classes: str, root: str) -> dict[str, int]:
    """Convert the labelled part of NYUv2 to PNG files of images, 40 classes and depth.

    It writes `rgb/<split>/0001.png`, `label40/<split>/0001.png` (8-bit, 1 to 40, 0: unlabelled) and
    `depth/<split>/0001.png` (16-bit millimetres; the in-painted depth), numbered as the scenes in
    the .mat file. A second call continues a stopped one: existing files are complete.

    Args:
        mat: nyu_depth_v2_labeled.mat (MATLAB 7.3, which is HDF5).
        splits: splits.mat, with trainNdxs and testNdxs.
        classes: classMapping40.mat, with the class (1 to 40) of each of 894 names in mapClass.
        root: parent of the folders.

    Returns:
        The number of scenes of each split, "train" and "test".

    Raises:
        ImportError: h5py is not installed.
        DataError: a file is missing, damaged or has other contents; or the folders hold other
            files.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f'{mat} is HDF5, and reading it needs h5py. Run: pip install "mtl_plugins[data]"'
        ) from error
    to_40 = _class_map(classes)
    members = _members(splits)
    with _readable(mat):
        file = h5py.File(mat, "r")
    with file:
        with _readable(mat):
            _check(file, mat, members)
        _refuse_others(root, members)
        scenes = [(split, number) for split in members for number in members[split]]
        for split, number in track(scenes, "converting NYUv2"):
            paths = [Path(root, kind, split, f"{number:04d}.png") for kind in KINDS]
            if not all(path.exists() for path in paths):
                with _readable(mat):
                    arrays = _scene(file, number, to_40)
                for array, path in zip(arrays, paths, strict=True):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with replaced(str(path)) as unfinished:
                        Image.fromarray(array).save(unfinished, "PNG")
    return {split: len(numbers) for split, numbers in members.items()}


def _refuse_others(root: str, members: Mapping[str, list[int]]) -> None:
    """Raise a `DataError` for a file in the folders that no stopped conversion left."""
    for split, numbers in members.items():
        names = {f"{number:04d}.png{end}" for number in numbers for end in ("", UNFINISHED)}
        for folder in (Path(root, kind, split) for kind in KINDS):
            for file in sorted(folder.iterdir() if folder.is_dir() else ()):
                if file.name not in names:
                    raise DataError(
                        f"{root} holds other files than those of NYUv2 that are to be written into "
                        f"it, such as {file}. Choose another folder, or delete them."
                    )


@contextmanager
def _readable(mat: str) -> Iterator[None]:
    """Turn errors of reading the .mat file into a `DataError`."""
    try:
        yield
    except (OSError, KeyError) as error:
        raise DataError(
            f"{mat} cannot be read: {error}. Get the whole file (2.8 GB) from {MAT_URL}."
        ) from error


def _class_map(path: str) -> np.ndarray:
    """Read the class 0 to 40 of each label 0 to 894."""
    mapping = np.ravel(_load(path, CLASSES_URL).get("mapClass", ()))
    if len(mapping) != LABELS or mapping.min() < 0 or mapping.max() > 40:
        raise DataError(
            f"{path} has no mapClass of {LABELS} classes from 1 to 40. Get it from {CLASSES_URL}."
        )
    return np.concatenate([[0], mapping]).astype(np.uint8)


def _members(path: str) -> dict[str, list[int]]:
    """Read the numbers (from 1) of the scenes of each split."""
    content = _load(path, SPLITS_URL)
    members = {}
    for split in ("train", "test"):
        numbers = np.ravel(content.get(f"{split}Ndxs", ())).astype(int)
        members[split] = sorted(numbers.tolist())
    if not all(members.values()) or set(members["train"]) & set(members["test"]):
        raise DataError(
            f"{path} has no trainNdxs and testNdxs that share no scene. Get it from {SPLITS_URL}."
        )
    return members


def _load(path: str, url: str) -> Mapping[str, np.ndarray]:
    """Read a small .mat file that can be downloaded from `url`."""
    if not os.path.isfile(path):
        raise DataError(f"{path} does not exist. Get it from {url}.")
    try:
        return read_mat(path)
    except DataError as error:
        raise DataError(f"{error} Get it from {url}.") from error


def _check(file: Mapping, path: str, members: dict[str, list[int]]) -> None:
    """Raise unless the arrays have NYUv2's shapes: images N,3,W,H, depths and labels N,W,H."""
    shapes = {key: file[key].shape for key in ("images", "depths", "labels")}
    count, *size = shapes["labels"]
    wanted = dict(images=(count, 3, *size), depths=(count, *size), labels=(count, *size))
    last = max(max(numbers) for numbers in members.values())
    if shapes != wanted or last > count or len(size) != 2:
        raise DataError(
            f"{path} has arrays of {shapes}, and the splits name scene {last}; expected images "
            f"N,3,640,480, depths and labels N,640,480 with N >= {last}. Get it from {MAT_URL}."
        )


def _scene(file: Mapping, number: int, to_40: np.ndarray) -> list[np.ndarray]:
    """Read image, classes and depth of one scene; MATLAB stores arrays transposed."""
    labels, depth = file["labels"][number - 1].T, file["depths"][number - 1].T
    if labels.max() > LABELS or not (np.isfinite(depth) & (depth >= 0) & (depth < 65.5)).all():
        raise DataError(
            f"Scene {number} has labels up to {labels.max()} and depths from {depth.min()} to "
            f"{depth.max()}; expected labels up to {LABELS} and 0 to 65 m. Get the file from "
            f"{MAT_URL}."
        )
    image = file["images"][number - 1].transpose(2, 1, 0)
    return [image, to_40[labels], np.rint(depth * 1000).astype(np.uint16)]
