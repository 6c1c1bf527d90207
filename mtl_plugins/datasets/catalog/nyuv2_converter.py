"""From NYUv2's labelled .mat file to folders of images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import DataError
from ...utils import track

MAT_URL = "http://horatio.cs.nyu.edu/mit/silberman/nyu_depth_v2/nyu_depth_v2_labeled.mat"
SPLITS_URL = "http://horatio.cs.nyu.edu/mit/silberman/indoor_seg_sup/splits.mat"
CLASSES_URL = "https://github.com/ankurhanda/nyuv2-meta-data/raw/master/classMapping40.mat"

KINDS = ("rgb", "label40", "depth")
"""Folders of what a scene becomes."""

LABELS = 894
"""Names of things in the .mat file; 0 is unlabelled."""


def convert_nyuv2(mat: str, splits: str, classes: str, root: str) -> dict[str, int]:
    """Write images, 40 classes and depth of the labelled part as PNG files; return how many.

    `rgb/<split>/0001.png`, `label40/<split>/0001.png` (8-bit, 1 to 40, 0: unlabelled) and
    `depth/<split>/0001.png` (16-bit millimetres; the in-painted depth) are named by the scene's
    number in the .mat file. Called again, it goes on where it was stopped: a file that is there is
    there whole.

    Args:
        mat: nyu_depth_v2_labeled.mat (MATLAB 7.3, that is HDF5).
        splits: splits.mat, with trainNdxs and testNdxs.
        classes: classMapping40.mat, with the class (1 to 40) of each of 894 names in mapClass.
        root: where the folders go.

    Returns:
        The number of scenes of each split, "train" and "test".

    Raises:
        ImportError: h5py is not installed.
        DataError: a file is missing, damaged or has other contents.
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
        scenes = [(split, number) for split in members for number in members[split]]
        for split, number in track(scenes, "converting NYUv2"):
            paths = [Path(root, kind, split, f"{number:04d}.png") for kind in KINDS]
            if not all(path.exists() for path in paths):
                with _readable(mat):
                    arrays = _scene(file, number, to_40)
                for array, path in zip(arrays, paths, strict=True):
                    _write(array, path)
    return {split: len(numbers) for split, numbers in members.items()}


@contextmanager
def _readable(mat: str) -> Iterator[None]:
    """Say of errors inside that the file is damaged."""
    try:
        yield
    except (OSError, KeyError) as error:
        raise DataError(
            f"{mat} cannot be read: {error}. Get the whole file (2.8 GB) from {MAT_URL}."
        ) from error


def _class_map(path: str) -> np.ndarray:
    """Return the class 0 to 40 of each label 0 to 894."""
    mapping = _load(path, CLASSES_URL).get("mapClass", np.zeros(0)).ravel()
    if len(mapping) != LABELS or mapping.min() < 0 or mapping.max() > 40:
        raise DataError(
            f"{path} has no mapClass of {LABELS} classes from 1 to 40. Get it from {CLASSES_URL}."
        )
    return np.concatenate([[0], mapping]).astype(np.uint8)


def _members(path: str) -> dict[str, list[int]]:
    """Return the numbers, from 1 on, of the scenes of each split."""
    content = _load(path, SPLITS_URL)
    members = {}
    for split in ("train", "test"):
        numbers = content.get(f"{split}Ndxs", np.zeros(0)).ravel().astype(int)
        members[split] = sorted(numbers.tolist())
    if not all(members.values()) or set(members["train"]) & set(members["test"]):
        raise DataError(
            f"{path} has no trainNdxs and testNdxs that share no scene. Get it from {SPLITS_URL}."
        )
    return members


def _load(path: str, url: str) -> Mapping[str, np.ndarray]:
    # With scipy come a hundred modules, which nothing else here needs.
    from scipy.io import loadmat

    if not os.path.isfile(path):
        raise DataError(f"{path} does not exist. Get it from {url}.")
    try:
        return loadmat(path)
    except Exception as error:
        # scipy raises errors of many types for damaged files.
        raise DataError(f"{path} is no readable .mat file: {error}. Get it from {url}.") from error


def _check(file: Mapping, path: str, members: dict[str, list[int]]) -> None:
    """Raise where the arrays are not those of NYUv2: N,3,W,H images, N,W,H depths and labels."""
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
    """Return image, classes and depth of one scene. MATLAB's arrays lie transposed."""
    labels, depth = file["labels"][number - 1].T, file["depths"][number - 1].T
    if labels.max() > LABELS or not (np.isfinite(depth) & (depth >= 0) & (depth < 65.5)).all():
        raise DataError(
            f"Scene {number} has labels up to {labels.max()} and depths from {depth.min()} to "
            f"{depth.max()}; expected labels up to {LABELS} and 0 to 65 m. Get the file from "
            f"{MAT_URL}."
        )
    image = file["images"][number - 1].transpose(2, 1, 0)
    return [image, to_40[labels], np.rint(depth * 1000).astype(np.uint16)]


def _write(array: np.ndarray, path: Path) -> None:
    """Write a PNG file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    Image.fromarray(array).save(part, "PNG")
    part.replace(path)
