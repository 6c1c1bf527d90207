"""Tiny files in the exact folders and encodings of public data sets."""

import itertools
import json
import os

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

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
    root: str,
    size: tuple[int, int] = (4, 8),
    labels=(7, 26, 0),
    disparity=(0, 1, 257, 5121),
    instances=(7, 7, 26001, 26001, 26001, 26002, 4, 4),
) -> None:
    """Cityscapes: two frames in train and val, one without targets in test."""
    for split, city, count in (("train", "aachen", 2), ("val", "ulm", 2), ("test", "bonn", 1)):
        for number in range(count):
            name = f"{split}/{city}/{city}_000000_{number:06d}"
            save(root, f"leftImg8bit/{name}_leftImg8bit.png", picture(size, number))
            if split == "test":
                continue
            save(root, f"gtFine/{name}_gtFine_labelIds.png", filled(size, list(labels)))
            objects = np.resize(np.array(instances, np.uint16), (1, size[1])).repeat(
                size[0], axis=0
            )
            save(root, f"gtFine/{name}_gtFine_instanceIds.png", objects)
            raw = filled(size, list(disparity), np.uint16)
            save(root, f"disparity/{name}_disparity.png", raw)
            path = os.path.join(root, f"camera/{name}_camera.json")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                json.dump(CAMERA, file)


def write_vkitti2(
    root: str, size: tuple[int, int] = (4, 8), variations: tuple[str, ...] = ("clone",)
) -> None:
    """Virtual KITTI 2: two frames of each scene."""
    scenes = ("Scene01", "Scene02", "Scene06", "Scene18", "Scene20")
    for scene, variation in itertools.product(scenes, variations):
        for number in range(2):
            frames = f"{scene}/{variation}/frames"
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


def write_synscapes(
    root: str, size: tuple[int, int] = (4, 8), numbers=(1, 2, 24501, 24502)
) -> None:
    """Synscapes: scenes by number, two of each split, label ids, metres as floats (sky: far).

    Skips the test on Python 3.10, for which there is no OpenEXR.
    """
    OpenEXR = pytest.importorskip("OpenEXR")
    for number in numbers:
        save(root, f"img/rgb/{number}.png", picture(size, number))
        save(root, f"img/class/{number}.png", filled(size, [7, 23, 0]))
        depth = filled(size, [12.5, 5e4, 999.0], np.float32)
        path = os.path.join(root, f"img/depth/{number}.exr")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        OpenEXR.File({}, {"Z": depth}).write(path)


def write_miniscapes(root: str, size: tuple[int, int] = (4, 8)) -> None:
    """Miniscapes: two frames a split, train ids, disparity in 8 bits; test without targets."""
    for split in ("train", "val", "test"):
        for number in range(2):
            save(root, f"{split}/rgb/{number}.jpg", picture(size, number))
            if split != "test":
                save(root, f"{split}/semseg/{number}.png", filled(size, [0, 13, 255]))
                save(root, f"{split}/depth/{number}.png", filled(size, [0, 1, 255]))


def write_potholes(root: str, size: tuple[int, int] = (4, 8)) -> None:
    """Potholes: two photographs a split, road and holes, relative disparity."""
    for split in ("train", "val"):
        for name in ("a", "b"):
            save(root, f"rgb/{split}/{name}.jpg", picture(size, 0))
            save(root, f"label/{split}/{name}.png", filled(size, [0, 1, 255]))
            save(root, f"disparity/{split}/{name}.png", filled(size, [0, 60000, 30000], np.uint16))


def write_shift(root: str, size: tuple[int, int] = (4, 8), view: str = "front") -> None:
    """SHIFT: two frames of a drive in train and val, images alone in test."""
    for split in ("train", "val", "test"):
        folder = f"discrete/images/{split}/{view}"
        for number in ("00000000", "00000010"):
            name = f"007b-4e72/{number}"
            save(root, f"{folder}/img/{name}_img_{view}.jpg", picture(size, int(number)))
            if split == "test":
                continue
            # The class is red; red is depth's lowest byte, blue the highest; alpha says nothing.
            classes = filled(size, [(7, 1, 2, 255), (13, 0, 0, 255), (3, 0, 0, 255)])
            save(root, f"{folder}/semseg/{name}_semseg_{view}.png", classes)
            far = [(255, 255, 255, 255), (0, 0, 1, 255), (0, 1, 0, 255), (0, 0, 0, 255)]
            save(root, f"{folder}/depth/{name}_depth_{view}.png", filled(size, far))


def write_nyuv2(root: str, size: tuple[int, int] = (480, 640)) -> None:
    """NYUv2 as `tools/convert_nyuv2.py` writes it: two scenes a split, millimetres."""
    for split, numbers in (("train", (3, 4)), ("test", (1, 2))):
        for number in numbers:
            save(root, f"rgb/{split}/{number:04d}.png", picture(size, number))
            save(root, f"label40/{split}/{number:04d}.png", filled(size, [1, 4, 0, 40]))
            depth = filled(size, [0, 713, 9995, 2000], np.uint16)
            save(root, f"depth/{split}/{number:04d}.png", depth)


def write_nyuv2_mat(root: str, size: tuple[int, int] = (6, 8)) -> None:
    """NYUv2 as its authors give it: four scenes in a MATLAB 7.3 file (transposed), the splits, and
    the class of each of 894 names."""
    os.makedirs(root, exist_ok=True)
    pictures = np.stack([picture(size, number) for number in range(1, 5)])
    labels = np.stack([filled(size, [0, 1, 894, number], np.uint16) for number in range(1, 5)])
    depths = np.stack([filled(size, [0.7134, 9.9952], np.float32)] * 4)
    with h5py.File(os.path.join(root, "nyu_depth_v2_labeled.mat"), "w", userblock_size=512) as file:
        file["images"] = pictures.transpose(0, 3, 2, 1)
        file["labels"] = labels.transpose(0, 2, 1)
        file["depths"] = depths.transpose(0, 2, 1)
    splits = dict(trainNdxs=np.array([[3], [4]]), testNdxs=np.array([[1], [2]]))
    savemat(os.path.join(root, "splits.mat"), splits)
    classes = np.arange(894) % 40 + 1
    savemat(os.path.join(root, "classMapping40.mat"), dict(mapClass=classes[None]))


def write_nyud(
    root: str, size: tuple[int, int] = (8, 12), edges: bool = True, suffix: str = ".png"
) -> None:
    """NYUD-v2 as multi-task papers have it: two images a split, metres and unit vectors as arrays;
    edges as pictures, or (False) none."""
    for split, names in (("train", ("0003", "0004")), ("val", ("0001", "0002"))):
        for name in names:
            save(root, f"images/{name}{suffix}", picture(size, int(name)))
            # A wall, a strip without class, and other things.
            labels = np.full(size, 40, np.uint8)
            labels[:, : size[1] // 3], labels[:, size[1] // 3] = 1, 0
            save(root, f"segmentation/{name}.png", labels)
            arrays = dict(
                depth=filled(size, [0, 0.713, 9.995], np.float32),
                normals=filled(size, [(0, 0, 0), (0.6, 0, -0.8)], np.float32),
            )
            for folder, array in arrays.items():
                os.makedirs(os.path.join(root, folder), exist_ok=True)
                np.save(os.path.join(root, folder, f"{name}.npy"), array)
            if edges:
                save(root, f"edge/{name}.png", filled(size, [0, 255, 0, 0]))
        write_list(root, f"gt_sets/{split}.txt", names)


def write_list(root: str, path: str, names) -> None:
    """Write a text file of names below a root, with its folders."""
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(f"{name}\n" for name in names))


def structures(fields: tuple[str, ...], rows: list[tuple]) -> np.ndarray:
    """An array of MATLAB structures, 1,N."""
    array = np.zeros((1, len(rows)), dtype=[(name, object) for name in fields])
    for index, row in enumerate(rows):
        array[0, index] = row
    return array


def write_pascal(root: str, size: tuple[int, int] = (8, 12)) -> None:
    """PASCAL_MT: two photographs a split, one with two people and one with a horse alone."""
    rows, columns = np.indices(size)
    left, upper = columns < size[1] // 2, rows < size[0] // 2
    fields, part_fields = ("class", "class_ind", "mask", "parts"), ("part_name", "mask")
    for split, names in (("train", ("2008_000001", "2008_000002")), ("val", ("2010_1", "2010_2"))):
        for name, people in zip(names, (True, False), strict=True):
            save(root, f"JPEGImages/{name}.jpg", picture(size, 0))
            # Wall and sky: only the wall has normals.
            labels = np.where(left, 440, 360).astype(np.uint16)
            folders = ("pascal-context/trainval", "human_parts")
            for folder in folders:
                os.makedirs(os.path.join(root, folder), exist_ok=True)
            savemat(os.path.join(root, f"{folders[0]}/{name}.mat"), dict(LabelMap=labels))
            horse = ("horse", 13, (~left).astype(np.uint8), np.zeros((0, 0)))
            parts = [("hair", (left & upper).astype(np.uint8)), ("lfoot", (left & ~upper))]
            person = ("person", 15, left.astype(np.uint8), structures(part_fields, parts))
            child = ("person", 15, (~left).astype(np.uint8), structures(
                part_fields, [("torso", ((~left) & upper).astype(np.uint8))]))  # fmt: skip
            objects = structures(fields, [person, child, horse] if people else [horse])
            anno = dict(anno=dict(imname=name, objects=objects))
            savemat(os.path.join(root, f"{folders[1]}/{name}.mat"), anno)
            # VOC has labels of the first photograph, the other's come from PASCAL-Context.
            kind = "VOC12" if people else "pascal-context"
            save(root, f"semseg/{kind}/{name}.png", filled(size, [0, 15, 255]))
            save(root, f"sal_distill/{name}.png", filled(size, [0, 127, 128, 255]))
            save(root, f"normals_distill/{name}.png", filled(size, [(128, 128, 255)]))
        write_list(root, f"ImageSets/Context/{split}.txt", names)
