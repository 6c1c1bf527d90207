"""Checkerboards on disk whose image and targets of every type show the same cells."""

import os

import numpy as np
from mmseg.registry import DATASETS
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from mtl_plugins.datasets.transforms import MEAN_COLOUR
from mtl_plugins.targets import declared_target

SIZE, CELL, BOARDS = (64, 96), 16, 4
COLOURS = np.array([[b, g, r] for b in (0, 255) for g in (0, 255) for r in (0, 255)], np.uint8)
KINDS = np.arange(8)
METRES = (4 * 1.3**KINDS).astype(np.float32)
NORMALS = np.stack([0.6 * np.cos(KINDS), 0.6 * np.sin(KINDS), np.full(8, -0.8)], 1)
NORMALS = NORMALS.astype(np.float32)
NEW, MIXED = -1, -2
LOAD = [dict(type="LoadImage"), dict(type="LoadTargets")]
RAW = [dict(type="LoadImage"), dict(type="LoadTargets", decode=False)]
SAME = np.eye(2)

VALUES = dict(
    semseg=KINDS.astype(np.uint8),
    depth=METRES,
    normals=NORMALS,
    parts=(37 * KINDS + 7).astype(np.uint16),
    edges=(KINDS % 2).astype(np.uint8),
    height=(3 * KINDS - 4).astype(np.float32),
    reach=METRES[::-1] / 10,
    facing=NORMALS[::-1],
    flow=np.stack([(4 + KINDS) * np.cos(2 * KINDS), (4 + KINDS) * np.sin(2 * KINDS)], 1),
)
"""The value of each kind of cell in each target."""

DECLARED = dict(
    semseg=dict(classes=tuple("abcdefgh"), palette=[[30 * kind, 9, 9] for kind in range(8)]),
    depth=dict(suffix=".npy"),
    normals=dict(suffix=".npy", scale=1, offset=0),
    parts=dict(type="classes", classes=tuple(f"part {index}" for index in range(300))),
    edges=dict(type="binary"),
    height=dict(type="scalar", range=(-5.0, 50.0), suffix=".npy"),
    reach=dict(type="scalar", distance=True, suffix=".npy"),
    facing=dict(type="direction", suffix=".npy", format=dict(scale=1, offset=0)),
    flow=dict(type="offset", suffix=".npy"),
)
for name in DECLARED:
    DECLARED[name]["folder"] = name
PARAMETERS = ("type", "classes", "palette", "range", "distance")
TARGETS = [
    declared_target(name, {k: v for k, v in given.items() if k in PARAMETERS})
    for name, given in DECLARED.items()
]


def save_board(root, index, kinds):
    """Write a sample whose cells have one colour and one value of every target each."""
    Image.fromarray(COLOURS[kinds][..., ::-1]).save(root / "rgb" / f"{index}.png")
    for place, target in enumerate(TARGETS):
        values = VALUES[target.name].astype(target.dtype)[kinds]
        # Not everything is measured. The classes of `semseg` say which cell a pixel belongs to.
        if place:
            values[5 * place : 5 * place + 6, 7 * place : 7 * place + 5] = target.invalid
        path = str(root / target.name / str(index))
        if target.integer:
            Image.fromarray(values).save(path + ".png")
        else:
            np.save(path + ".npy", values)


def dataset_of(root, boards):
    for folder in ("rgb", *DECLARED):
        os.makedirs(root / folder)
    for index, kinds in enumerate(boards):
        save_board(root, index, kinds)
    return dict(
        type="MultiTaskDataset",
        data_root=str(root),
        data_prefix=dict(img_path="rgb"),
        img_suffix=".png",
        targets=DECLARED,
        check_files=False,
        serialize_data=False,  # it would collect garbage, which takes longer than a test
    )


def with_targets(config, *names):
    """Return the config of a data set with some of its targets."""
    return dict(config, targets={name: DECLARED[name] for name in names})


def loaded(config, *transforms, load=LOAD):
    return DATASETS.build(dict(config, pipeline=[*load, *transforms]))


def turn_of(degrees):
    """Return the matrix that turns x, y clockwise: after 90 degrees right has become down."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s], [s, c]])


def expected_values(target, near=1.0, turn=SAME, scale=1.0):
    """Return what each kind of cell becomes when the scene is near times as near, its pixels are
    turned (or mirrored) by a matrix, and the picture has `scale` times the size (x, y)."""
    values = VALUES[target.name].astype(float)
    if target.distance:
        return values / near
    if target.type == "direction":
        values = np.concatenate([values[:, :2] @ turn.T, values[:, 2:] * near], 1)
        return values / np.linalg.norm(values, axis=1, keepdims=True)
    return (values * scale) @ turn.T if target.type == "offset" else values


def assert_targets(results, missing=0.06, **changes):
    """Check that all targets show the same cells, and new area has no truth in any of them."""
    shape = tuple(results["img"].shape[:2])
    labels = results["gt_seg_map"].astype(int)
    labels[labels == 255] = NEW
    for target in TARGETS:
        if target.array not in results:
            continue
        values = results[target.array]
        channels = (target.channels,) if target.channels > 1 else ()
        assert values.shape == (*shape, *channels), f"{target.name} has another size"
        assert values.dtype == target.dtype, target.name
        known = target.known(values)
        assert not known[labels == NEW].any(), f"new area has {target.name}"
        expected = expected_values(target, **changes)[labels[known]]
        close = np.allclose(values[known], expected, rtol=1e-5, atol=1e-5)
        assert close, f"{target.name} is not aligned"
        # The few pixels without a measurement do not spread.
        assert (~known & (labels != NEW)).mean() < missing, f"{target.name} is missing"
    return labels


def assert_one_picture(results, colours=True, blurred=0.0, **changes):
    """Check that the image and all targets show the same cells."""
    shape = tuple(results["img"].shape[:2])
    assert results["img"].dtype == np.uint8 and results["img"].shape == (*shape, 3)
    assert tuple(results["img_shape"][:2]) == shape
    labels = assert_targets(results, **changes)
    if colours:
        found = np.full(shape, MIXED)
        for kind, colour in [*enumerate(COLOURS), (NEW, MEAN_COLOUR)]:
            found[np.abs(results["img"].astype(int) - colour).max(-1) <= 2] = kind
        inside = maximum_filter(labels, 5) == minimum_filter(labels, 5)
        assert inside.mean() > 0.25
        wrong = (found != labels)[inside].mean()
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
