"""Checkerboards on disk whose image, labels, depth and normals show the same cells."""

import os

import numpy as np
from mmseg.registry import DATASETS
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from mtl_plugins.datasets.transforms import MEAN_COLOUR
from mtl_plugins.targets import PREDEFINED

SIZE, CELL, BOARDS = (64, 96), 16, 4
COLOURS = np.array([[b, g, r] for b in (0, 255) for g in (0, 255) for r in (0, 255)], np.uint8)
METRES = (4 * 1.3 ** np.arange(8)).astype(np.float32)
ANGLES = np.arange(8)
NORMALS = np.stack([0.6 * np.cos(ANGLES), 0.6 * np.sin(ANGLES), np.full(8, -0.8)], 1)
NORMALS = NORMALS.astype(np.float32)
NEW, MIXED = -1, -2
LOAD = [dict(type="LoadImage"), dict(type="LoadTargets")]
RAW = [dict(type="LoadImage"), dict(type="LoadTargets", decode=False)]


def save_board(root, index, kinds):
    """Write a sample whose cells have one colour, class, depth and normal each."""
    Image.fromarray(COLOURS[kinds][..., ::-1]).save(root / "rgb" / f"{index}.png")
    Image.fromarray(kinds.astype(np.uint8)).save(root / "label" / f"{index}.png")
    depth, normals = METRES[kinds], NORMALS[kinds]
    # Not everything is measured.
    depth[5:11, 5:11] = 0
    normals[37:42, 37:42] = 0
    np.save(root / "depth" / f"{index}.npy", depth)
    np.save(root / "normal" / f"{index}.npy", normals)


def dataset_of(root, boards):
    for folder in ("rgb", "label", "depth", "normal"):
        os.makedirs(root / folder)
    for index, kinds in enumerate(boards):
        save_board(root, index, kinds)
    return dict(
        type="MultiTaskDataset",
        data_root=str(root),
        data_prefix=dict(
            img_path="rgb", seg_map_path="label", depth_map_path="depth", normal_map_path="normal"
        ),
        img_suffix=".png",
        depth_map_suffix=".npy",
        normal_map_suffix=".npy",
        normal_format=dict(scale=1, offset=0),
        metainfo=dict(classes=tuple("abcdefgh")),
        check_files=False,
        serialize_data=False,  # it would collect garbage, which takes longer than a test
    )


def loaded(config, *transforms, load=LOAD):
    return DATASETS.build(dict(config, pipeline=[*load, *transforms]))


def turned(degrees, normals=NORMALS):
    """Rotate normals clockwise: after 90 degrees those that pointed right point down."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return normals @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])


def pressed(factor):
    normals = NORMALS * (1, 1, factor)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def kinds_of(results, nearness=1.0, normals=NORMALS):
    """Return the cell that each pixel of each map shows, or NEW or MIXED."""
    found = dict(img=np.full(results["img"].shape[:2], MIXED))
    for kind, colour in [*enumerate(COLOURS), (NEW, MEAN_COLOUR)]:
        alike = np.abs(results["img"].astype(int) - colour).max(-1) <= 2
        found["img"][alike] = kind
    labels = results["gt_seg_map"].astype(int)
    found["semseg"] = np.where(labels == 255, NEW, labels)
    depth = results["gt_depth_map"]
    ratios = np.abs(depth[..., None] / (METRES / nearness) - 1)
    found["depth"] = np.where(ratios.min(-1) < 1e-5, ratios.argmin(-1), MIXED)
    found["depth"][depth == 0] = NEW
    if "gt_normal_map" in results:
        vectors = results["gt_normal_map"]
        gaps = np.abs(vectors[:, :, None] - normals).max(-1)
        found["normals"] = np.where(gaps.min(-1) < 1e-5, gaps.argmin(-1), MIXED)
        found["normals"][(vectors == 0).all(-1)] = NEW
    return found


def assert_one_picture(results, colours=True, blurred=0.0, **changes):
    """Check that all maps show the same cells, and new area is new in all of them."""
    shape = tuple(results["img"].shape[:2])
    assert results["img"].dtype == np.uint8 and results["img"].shape == (*shape, 3)
    assert tuple(results["img_shape"][:2]) == shape
    for target in PREDEFINED.values():
        if target.array in results:
            channels = (target.channels,) if target.channels > 1 else ()
            assert results[target.array].shape == (*shape, *channels), "another size"
            assert results[target.array].dtype == target.dtype
    found = kinds_of(results, **changes)
    labels = found["semseg"]
    for kind in set(found) - {"img", "semseg"}:
        missing = found[kind] == NEW
        assert missing[labels == NEW].all(), f"new area has {kind}"
        assert (found[kind] == labels)[~missing].all(), f"{kind} is not aligned"
        # The few pixels without a measurement do not spread.
        assert (missing & (labels != NEW)).mean() < 0.06
    if colours:
        inside = maximum_filter(labels, 5) == minimum_filter(labels, 5)
        assert inside.mean() > 0.25
        wrong = (found["img"] != labels)[inside].mean()
        assert wrong <= blurred, "the image is not aligned"
    return labels


def sample(height, width, **targets):
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    return dict(img=image, img_shape=image.shape[:2], seg_fields=list(targets), **targets)


def checkerboards(root):
    """Write four different checkerboards, and return the config of their data set."""
    rows, columns = np.indices(SIZE) // CELL
    kinds = [(3 * rows + (index + 1) * columns + 2 * index) % 8 for index in range(BOARDS)]
    return dataset_of(root, kinds)


def flat_boards(root):
    """Write four samples of one cell each, and return the config of their data set."""
    return dataset_of(root, [np.full(SIZE, index) for index in range(BOARDS)])
