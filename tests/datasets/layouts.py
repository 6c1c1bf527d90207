"""Tiny files in the exact folders and encodings of public data sets."""

from __future__ import annotations

import json
import os

import numpy as np
from PIL import Image

CAMERA = dict(extrinsic=dict(baseline=0.2), intrinsic=dict(fx=2000.0))


def save(root: str, path: str, array: np.ndarray) -> None:
    """Write a picture below a root, with its folders."""
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Image.fromarray(array).save(path)


def picture(size: tuple[int, int], seed: int) -> np.ndarray:
    """Random colours."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)


def filled(size: tuple[int, int], values: list, dtype: type = np.uint8) -> np.ndarray:
    """An array of a size that repeats the values along its rows, beginning in the corner."""
    return np.resize(np.array(values, dtype), (*size, *np.array(values[0]).shape))


def write_cityscapes(
    root: str, size: tuple[int, int] = (4, 8), labels=(7, 26, 0), disparity=(0, 1, 257, 5121)
) -> None:
    """Cityscapes: two frames in train and val, one without targets in test."""
    for split, city, count in (("train", "aachen", 2), ("val", "ulm", 2), ("test", "bonn", 1)):
        for number in range(count):
            name = f"{split}/{city}/{city}_000000_{number:06d}"
            save(root, f"leftImg8bit/{name}_leftImg8bit.png", picture(size, number))
            if split == "test":
                continue
            save(root, f"gtFine/{name}_gtFine_labelIds.png", filled(size, list(labels)))
            raw = filled(size, list(disparity), np.uint16)
            save(root, f"disparity/{name}_disparity.png", raw)
            path = os.path.join(root, f"camera/{name}_camera.json")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                json.dump(CAMERA, file)


def write_vkitti2(root: str, size: tuple[int, int] = (4, 8)) -> None:
    """Virtual KITTI 2: two frames of each scene."""
    for scene in ("Scene01", "Scene02", "Scene06", "Scene18", "Scene20"):
        for number in range(2):
            frames = f"{scene}/clone/frames"
            save(root, f"{frames}/rgb/Camera_0/rgb_{number:05d}.jpg", picture(size, number))
            depth = filled(size, [0, 1250, 65535], np.uint16)
            save(root, f"{frames}/depth/Camera_0/depth_{number:05d}.png", depth)
            colours = filled(size, [(100, 60, 100), (255, 127, 80), (0, 0, 0)])
            path = f"{frames}/classSegmentation/Camera_0/classgt_{number:05d}.png"
            save(root, path, colours)


def write_kitti(root: str, size: tuple[int, int] = (4, 8)) -> None:
    """KITTI depth: a drive a split, whose first image has no depth."""
    for split, drive in (("train", "2011_09_26_drive_0001"), ("val", "2011_09_26_drive_0002")):
        for number in range(4, 7):
            image = f"raw/2011_09_26/{drive}_sync/image_02/data/{number:010d}.png"
            save(root, image, picture(size, number))
            if number > 4:
                folder = f"depth/{split}/{drive}_sync/proj_depth/groundtruth/image_02"
                raw = filled(size, [0, 256, 2688], np.uint16)
                save(root, f"{folder}/{number:010d}.png", raw)
