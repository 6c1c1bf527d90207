"""A checkerboard through every transform: image, labels, depth and normals stay one picture."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from mmcv import transforms as mmcv_transforms
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from mtl_plugins.datasets import pack_dataset
from mtl_plugins.datasets.pipeline_check import DEPTH_BREAKING, NORMALS_BREAKING, SEMSEG_BREAKING
from mtl_plugins.datasets.sample_index import SampleIndex, seeded
from mtl_plugins.datasets.street_scenes import render_scene
from mtl_plugins.datasets.transforms.arguments import MEAN_COLOUR
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.structures import DENSE_TARGETS

SIZE, CELL, BOARDS = (64, 96), 16, 4
COLOURS = np.array([[b, g, r] for b in (0, 255) for g in (0, 255) for r in (0, 255)], np.uint8)
METRES = (4 * 1.3 ** np.arange(8)).astype(np.float32)
ANGLES = np.arange(8)
NORMALS = np.stack([0.6 * np.cos(ANGLES), 0.6 * np.sin(ANGLES), np.full(8, -0.8)], 1)
NORMALS = NORMALS.astype(np.float32)
NEW, MIXED = -1, -2
TYPES = dict(semseg=np.uint8, depth=np.float32, normals=np.float32)
LOAD = [dict(type="LoadImage"), dict(type="LoadTargets")]
RAW = [dict(type="LoadImage"), dict(type="LoadTargets", decode=False)]


def save_board(root, index, kinds):
    """A sample whose cells have one colour, class, depth and normal each."""
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


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    """Checkerboards that differ from each other, neighbours in each differ too."""
    rows, columns = np.indices(SIZE) // CELL
    kinds = [(3 * rows + (index + 1) * columns + 2 * index) % 8 for index in range(BOARDS)]
    return dataset_of(tmp_path_factory.mktemp("boards"), kinds)


@pytest.fixture(scope="module")
def flats(tmp_path_factory):
    """Four samples of one cell each."""
    kinds = [np.full(SIZE, index) for index in range(BOARDS)]
    return dataset_of(tmp_path_factory.mktemp("flats"), kinds)


def loaded(config, *transforms, load=LOAD):
    return DATASETS.build(dict(config, pipeline=[*load, *transforms]))


def turned(degrees, normals=NORMALS):
    """Normals in a picture turned clockwise: what pointed right points down after 90 degrees."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return normals @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])


def pressed(factor):
    normals = NORMALS * (1, 1, factor)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def kinds_of(results, nearness=1.0, normals=NORMALS):
    """Which cell each pixel of each map shows; NEW where it shows none."""
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
    """Demand that all maps show the same cells, and new area is new in all of them."""
    shape = tuple(results["img"].shape[:2])
    assert results["img"].dtype == np.uint8 and results["img"].shape == (*shape, 3)
    assert tuple(results["img_shape"][:2]) == shape
    for target in DENSE_TARGETS.values():
        if target.array in results:
            channels = (target.channels,) if target.channels > 1 else ()
            assert results[target.array].shape == (*shape, *channels), "another size"
            assert results[target.array].dtype == TYPES[target.kind]
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


FLIPS = dict(horizontal=(-1, 1, 1), vertical=(1, -1, 1), diagonal=(-1, -1, 1))
OURS = [
    (dict(type="RotateTargets", degree=(30, 30), prob=1.0), dict(normals=turned(30), new=True)),
    (dict(type="RotateTargets", degree=(-75, -75), prob=1.0), dict(normals=turned(-75), new=True)),
    (
        dict(type="CutOutTargets", size=(20, 24), n_holes=(2, 3), min_size=(8, 8), prob=1.0),
        dict(new=True, size=SIZE),
    ),
    (dict(type="PadTargets", size=(80, 90)), dict(new=True, size=(80, 96))),
    (dict(type="PadTargets", size_divisor=40), dict(new=True, size=(80, 120))),
    (dict(type="CenterCropTargets", crop_size=(40, 52)), dict(size=(40, 52))),
    (dict(type="MosaicTargets", size=(60, 80), prob=1.0), dict(size=(60, 80))),
    (dict(type="MosaicTargets", size=(160, 200), prob=1.0), dict(size=(160, 200), new=True)),
    (
        dict(type="ZoomTargets", factor=1.5),
        dict(size=(96, 144), nearness=1.5, normals=pressed(1.5)),
    ),
    (dict(type="ZoomTargets", factor=0.7), dict(size=(45, 67), nearness=0.7, normals=pressed(0.7))),
    (dict(type="ZoomTargets", factor=(0.5, 2.0), rescale_depth=False), {}),
    *(
        (dict(type="FlipTargets", prob=1.0, direction=name), dict(normals=NORMALS * signs))
        for name, signs in FLIPS.items()
    ),
    # Both leave their work to the device (tests/models/test_device_augmentation.py).
    (dict(type="FlipTargets", prob=1.0, on_device=True), dict(size=SIZE)),
    (dict(type="PhotometricJitter"), dict(size=SIZE)),
]
THEIRS = [
    (dict(type="RandomCrop", crop_size=(40, 56), cat_max_ratio=0.9), dict(size=(40, 56))),
    (dict(type="Resize", scale=(144, 80)), dict(size=(80, 144))),
    (dict(type="Resize", scale_factor=0.6, keep_ratio=True), dict(size=(38, 57))),
    (dict(type="RandomResize", scale=(96, 64), ratio_range=(0.5, 2.0), keep_ratio=True), {}),
    (dict(type="RandomChoiceResize", scales=[(48, 32), (120, 90)]), {}),
    (dict(type="ResizeShortestEdge", scale=50, max_size=200), dict(size=(50, 75))),
    (dict(type="ResizeToMultiple", size_divisor=20), dict(size=(80, 100))),
    (dict(type="PhotoMetricDistortion"), dict(size=SIZE, colours=False)),
    (dict(type="CLAHE"), dict(size=SIZE, colours=False)),
    (dict(type="AdjustGamma", gamma=2.0), dict(size=SIZE)),
    (dict(type="RandomGrayscale", prob=1.0, keep_channels=True), dict(size=SIZE, colours=False)),
]
CHAIN = [
    dict(type="CenterCropTargets", crop_size=(60, 90)),
    dict(type="DecodeTargets"),
    dict(type="MosaicTargets", prob=1.0),
    dict(type="FlipTargets", prob=1.0),
    dict(type="RotateTargets", degree=(20, 20), prob=1.0),
    dict(type="ZoomTargets", factor=1.25),
    dict(type="RandomApply", transforms=[dict(type="CutOutTargets", size=(9, 9), prob=1.0)]),
    dict(type="RandomCrop", crop_size=(70, 80)),
    dict(type="PadTargets", size=(90, 80)),
]


@pytest.mark.parametrize(
    ("transform", "expected"),
    [*OURS, *THEIRS],
    ids=lambda value: value.get("type", "")[:24] if "type" in value else "",
)
def test_everything_moves_together(boards, transform, expected):
    expected = dict(expected)
    size, new = expected.pop("size", None), expected.pop("new", False)
    dataset = loaded(boards, transform)
    for seed in range(3):
        results = dataset[SampleIndex(seed, (0, 0, seed))]
        labels = assert_one_picture(results, **expected)
        assert size is None or labels.shape == size
        assert (labels == NEW).any() == new


def test_every_transform_of_ours_is_among_them():
    """A new transform fails here until the checkerboard goes through it."""
    registered = {n for n, t in TRANSFORMS.module_dict.items() if t.__module__.startswith("mtl_")}
    unmoving = {"LoadImage", "LoadTargets", "DecodeTargets", "PackTargets"}
    assert {case["type"] for case, _ in OURS} == registered - unmoving


def wrong_cases():
    """What is refused, and what the board finds in it."""
    return {
        "CenterCrop": (dict(type="CenterCrop", crop_size=40), "another size"),
        "Pad": (dict(type="Pad", size=(128, 80)), "another size"),
        "RandomCutOut": (
            dict(type="RandomCutOut", prob=1.0, n_holes=2, cutout_shape=(9, 9), seg_fill_in=255),
            "new area has depth",
        ),
        "RandomFlip": (dict(type="RandomFlip", prob=1.0), "normals is not aligned"),
        "RandomMosaic": (dict(type="RandomMosaic", prob=1.0, img_scale=SIZE), "new area has depth"),
        "RandomRotFlip": (dict(type="RandomRotFlip", rotate_prob=1.0), "depth is not aligned"),
        "RandomRotate": (
            dict(type="RandomRotate", prob=1.0, degree=(30, 30), pad_val=MEAN_COLOUR),
            "new area has depth",
        ),
        "mmcv.RandomFlip": (mmcv_transforms.RandomFlip(prob=1.0), "depth is not aligned"),
        "mmcv.Resize": (mmcv_transforms.Resize(scale=(144, 80)), "another size"),
    }


@pytest.mark.parametrize("name", list(wrong_cases()))
def test_what_is_refused_breaks_the_picture(boards, name):
    """That the board finds each of them wrong also shows what the board can find."""
    transform, found = wrong_cases()[name]
    transform = TRANSFORMS.build(transform) if isinstance(transform, dict) else transform
    samples = list(loaded(boards))
    expected = dict(normals=NORMALS * FLIPS["horizontal"])
    if name in DEPTH_BREAKING:
        # Depth alone must show it.
        expected = {}
        for results in samples:
            del results["gt_normal_map"]
            results["seg_fields"].remove("gt_normal_map")
    assert_one_picture(samples[1])
    with seeded(3), pytest.raises(AssertionError, match=found):
        assert_one_picture(transform(dict(samples[0], mix_results=samples[1:])), **expected)


def test_all_that_is_refused_was_tried():
    untried = {"Albu", "PackSegInputs"}  # not installed; packs, see test_normals
    assert set(wrong_cases()) == set(NORMALS_BREAKING) - untried
    assert set(SEMSEG_BREAKING) < set(DEPTH_BREAKING) < set(NORMALS_BREAKING)


def test_a_long_pipeline_is_the_same_from_files_and_packed(boards, tmp_path):
    pack_dataset(DATASETS.build(dict(boards, pipeline=[])), str(tmp_path), {})
    packed = dict(type="PackedDataset", data_root=str(tmp_path))
    # Mirrored, turned, pressed.
    normals = turned(20, NORMALS * FLIPS["horizontal"]) * (1, 1, 1.25)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    files, shards = (loaded(config, *CHAIN, load=RAW) for config in (boards, packed))
    for index in range(BOARDS):
        key = SampleIndex(index, (1, 2, index))
        here, there = files[key], shards[key]
        labels = assert_one_picture(here, blurred=0.01, nearness=1.25, normals=normals)
        assert labels.shape == (90, 80) and (labels == NEW).any()
        for name in ("img", "gt_seg_map", "gt_depth_map", "gt_normal_map"):
            assert np.array_equal(here[name], there[name])


# By hand.


def sample(height, width, **targets):
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    return dict(img=image, img_shape=image.shape[:2], seg_fields=list(targets), **targets)


@pytest.mark.parametrize(("degree", "k", "right"), [(90, -1, (0, 1)), (-90, 1, (0, -1))])
def test_quarter_turns_are_those_of_numpy(degree, k, right):
    random = np.random.default_rng(1)
    labels = random.integers(0, 9, (7, 7)).astype(np.uint8)
    depth = random.random((7, 7)).astype(np.float32)
    normals = np.zeros((7, 7, 3), np.float32)
    normals[2, 1] = (1, 0, 0)
    before = sample(7, 7, gt_seg_map=labels, gt_depth_map=depth, gt_normal_map=normals)
    turn = TRANSFORMS.build(dict(type="RotateTargets", degree=(degree, degree), prob=1.0))
    after = turn(dict(before))
    for key in ("img", "gt_seg_map", "gt_depth_map"):
        assert np.array_equal(after[key], np.rot90(before[key], k))
    place = np.rot90(normals[..., 0], k) == 1
    np.testing.assert_allclose(after["gt_normal_map"][place], [[*right, 0]], atol=1e-6)
    assert (after["gt_normal_map"][~place] == 0).all()
    assert normals[2, 1].tolist() == [1, 0, 0], "the sample it was given is not written to"


def test_angles_are_drawn_within_their_range():
    turn = TRANSFORMS.build(dict(type="RotateTargets", degree=10, prob=0.5))
    drawn = [turn.draw({}) for _ in range(400)]
    angles = [angle for angle in drawn if angle is not None]
    assert 150 < len(angles) < 250
    assert -10 <= min(angles) < -8 and 8 < max(angles) <= 10


def test_zooming_by_two_halves_depth():
    depth = np.array([[8, 0], [4, 2]], np.float32)
    normals = np.array([[[0.6, 0, -0.8], [0, 0, 0]], [[0, 1, 0], [0, 0, -1]]], np.float32)
    before = sample(2, 2, gt_depth_map=depth, gt_normal_map=normals)
    after = TRANSFORMS.build(dict(type="ZoomTargets", factor=2))(dict(before))
    assert after["gt_depth_map"].tolist() == [
        [4, 4, 0, 0], [4, 4, 0, 0], [2, 2, 1, 1], [2, 2, 1, 1]]  # fmt: skip
    length = np.hypot(0.6, 1.6)
    expected = [[0.6 / length, 0, -1.6 / length], [0, 0, 0], [0, 1, 0], [0, 0, -1]]
    np.testing.assert_allclose(after["gt_normal_map"][::2, ::2].reshape(4, 3), expected, atol=1e-6)
    lens = TRANSFORMS.build(dict(type="ZoomTargets", factor=2, rescale_depth=False))(dict(before))
    assert lens["gt_depth_map"][::2, ::2].tolist() == depth.tolist()
    assert lens["gt_normal_map"][::2, ::2].tolist() == normals.tolist()


def test_shrunken_targets_are_not_shifted():
    """Nearest centres: of 0 1 2 3 4 5 thirds are 1 and 4; mmseg's Resize takes 0 and 3."""
    labels = np.tile(np.arange(6, dtype=np.uint8), (3, 1))
    ours = TRANSFORMS.build(dict(type="ZoomTargets", factor=1 / 3))
    theirs = TRANSFORMS.build(dict(type="Resize", scale=(2, 1)))
    assert ours(sample(3, 6, gt_seg_map=labels))["gt_seg_map"].tolist() == [[1, 4]]
    assert theirs(sample(3, 6, gt_seg_map=labels))["gt_seg_map"].tolist() == [[0, 3]]


def test_zoomed_normals_are_those_of_the_zoomed_depth():
    """Finite differences of the rescaled depth, in the camera that stayed, are the judge."""
    scene = render_scene(5, 4, (256, 512))
    before = sample(256, 512, gt_depth_map=scene.depth, gt_normal_map=scene.normals)
    after = TRANSFORMS.build(dict(type="ZoomTargets", factor=0.5))(before)
    depth, normals = after["gt_depth_map"], after["gt_normal_map"]
    # At half the size the same camera sees a point of the picture under half the slope.
    points = scene.camera.rays()[1::2, 1::2] * (0.5, 0.5, 1) * depth[..., None]
    right, down = points[:-1, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, :-1]
    measured = np.cross(down, right)
    measured /= np.maximum(np.linalg.norm(measured, axis=-1, keepdims=True), 1e-12)
    here = normals[:-1, :-1]
    change = np.abs(here - normals[:-1, 1:]) + np.abs(here - normals[1:, :-1])
    use = (change.sum(-1) < 1e-6) & (depth[:-1, :-1] > 0) & (depth[:-1, :-1] < 120)
    # Planes at a slant: those straight on or along the axis look the same either way.
    use &= (np.abs(here[..., 2]) > 0.05) & (np.abs(here[..., 2]) < 0.95)
    assert use.sum() > 400
    unturned = scene.normals[1::2, 1::2][:-1, :-1]
    signed, wrong = ((measured * n).sum(-1)[use] for n in (here, unturned))
    assert (signed > 0.999).mean() > 0.95 and (wrong > 0.999).mean() < 0.05


def test_padding_by_hand():
    before = sample(
        2, 1, gt_seg_map=np.array([[3], [4]], np.uint8), gt_depth_map=np.ones((2, 1), np.float32),
        gt_normal_map=np.ones((2, 1, 3), np.float32),
    )  # fmt: skip
    after = TRANSFORMS.build(dict(type="PadTargets", size=(3, 2), fill=(1, 2, 3)))(dict(before))
    assert after["gt_seg_map"].tolist() == [[3, 255], [4, 255], [255, 255]]
    assert after["gt_depth_map"].tolist() == [[1, 0], [1, 0], [0, 0]]
    assert after["gt_normal_map"].sum(-1).tolist() == [[3, 0], [3, 0], [0, 0]]
    assert after["img"][2].tolist() == [[1, 2, 3]] * 2
    assert np.array_equal(after["img"][:2, :1], before["img"])
    assert after["img_shape"] == after["ori_shape"] == (3, 2)


def test_holes_have_their_size_and_may_be_cut_by_the_border():
    cut = TRANSFORMS.build(dict(type="CutOutTargets", size=(3, 5), prob=1.0, fill=(7, 7, 7)))
    areas = []
    for _ in range(60):
        before = sample(12, 12, gt_seg_map=np.zeros((12, 12), np.uint8))
        after = cut(dict(before))
        hidden = after["gt_seg_map"] == 255
        areas.append(hidden.sum())
        rows, columns = np.nonzero(hidden)
        assert hidden[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()
        assert (after["img"][hidden] == 7).all()
        assert np.array_equal(after["img"][~hidden], before["img"][~hidden])
        assert not (before["gt_seg_map"] == 255).any()
    assert max(areas) == 15 and 0 < min(areas) < 15


def test_a_crop_of_the_middle_is_the_same_before_decoding(boards):
    crop = dict(type="CenterCropTargets", crop_size=31)
    early = loaded(boards, crop, dict(type="DecodeTargets"), load=RAW)[1]
    late = loaded(boards, crop)[1]
    whole = loaded(boards)[1]
    for key in ("img", "gt_seg_map", "gt_depth_map", "gt_normal_map"):
        assert np.array_equal(early[key], late[key])
        assert np.array_equal(late[key], whole[key][16:47, 32:63])


def test_swapped_labels_leave_depth_alone():
    labels = np.array([[1, 2, 3]], np.uint8)
    flip = TRANSFORMS.build(dict(type="FlipTargets", prob=1, swap_seg_labels=[(1, 2)]))
    after = flip(sample(1, 3, gt_seg_map=labels, gt_depth_map=labels.astype(np.float32)))
    assert after["gt_seg_map"].tolist() == [[3, 1, 2]]
    assert after["gt_depth_map"].tolist() == [[3, 2, 1]]


# Mosaics.


def test_a_mosaic_is_four_samples_around_its_centre(flats):
    mosaic = dict(type="MosaicTargets", size=(8, 12), center_range=(0.25, 0.25), prob=1.0)
    dataset = loaded(flats, mosaic)
    seen = set()
    for seed in range(12):
        labels = dataset[SampleIndex(seed % 4, (0, 0, seed))]["gt_seg_map"]
        quarters = labels[:2, :3], labels[:2, 3:], labels[2:, :3], labels[2:, 3:]
        assert all((quarter == quarter[0, 0]).all() for quarter in quarters)
        assert labels[0, 0] == seed % 4, "the first is the sample itself"
        seen |= {int(quarter[0, 0]) for quarter in quarters[1:]}
    assert seen == {0, 1, 2, 3}


def test_a_mosaic_does_not_depend_on_what_was_loaded_before(boards):
    pipeline = [
        dict(type="RandomCrop", crop_size=(40, 60)),
        dict(type="MosaicTargets", prob=0.8),
        dict(type="FlipTargets", prob=0.5),
        dict(type="PackTargets"),
    ]
    first, second = loaded(boards, *pipeline), loaded(boards, *pipeline)
    keys = [SampleIndex(i, (5, epoch, i)) for epoch in range(2) for i in range(BOARDS)]
    there = {key.key: first[key] for key in keys}
    second[0]
    np.random.seed(99)
    for key in reversed(keys):
        again, once = second[key], there[key.key]
        assert torch.equal(again["inputs"], once["inputs"])
        for target in DENSE_TARGETS.values():
            a, b = (s["data_samples"].get(target.truth).data for s in (again, once))
            assert torch.equal(a, b)
    assert not torch.equal(there[5, 0, 1]["inputs"], there[5, 1, 1]["inputs"])


def test_a_mosaic_with_a_bad_sample_is_a_bad_sample(boards, tmp_path):
    config = dataset_of(tmp_path / "own", [np.full(SIZE, index) for index in range(BOARDS)])
    path = tmp_path / "own" / "rgb" / "2.png"
    path.write_bytes(path.read_bytes()[:50])
    pipeline = [dict(type="MosaicTargets", prob=1.0), dict(type="PackTargets")]
    keys = [SampleIndex(0, (0, 0, number)) for number in range(8)]
    with pytest.raises(DataError, match=r"2\.png cannot be read"):
        strict = loaded(config, *pipeline)
        [strict[key] for key in keys]
    skipping = loaded(dict(config, on_bad_sample="skip"), *pipeline)
    samples = [skipping[key]["data_samples"] for key in keys]
    told = [message for s in samples for message in s.metainfo.get("skipped", ())]
    assert told and all("2.png cannot be read" in message for message in told)
    assert not any((s.gt_sem_seg.data == 2).any() for s in samples)


def test_a_target_that_one_sample_lacks_is_new_area_in_its_quarter(flats):
    mosaic = TRANSFORMS.build(dict(type="MosaicTargets", center_range=(0.5, 0.5), prob=1.0))
    dataset = loaded(flats)
    dataset.pipeline.transforms.append(mosaic)
    own = dataset.get_data_info(0)
    del own["depth_map_path"]
    results = dataset.pipeline(own)
    depth = results["gt_depth_map"]
    assert (depth[:32, :48] == 0).all() and (depth[32:, 48:] > 0).mean() > 0.9
    assert results["gt_seg_map"][0, 0] == 0


# What is refused.


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (dict(type="RotateTargets", degree=-5), r"degree=-5.*expected degree of 0 or more"),
        (dict(type="RotateTargets", degree=(20, 10)), r"smallest, largest"),
        (dict(type="RotateTargets", degree=5, prob=2), r"prob=2.*prob of 0 to 1"),
        (dict(type="RotateTargets", degree=5, fill="black"), r"fill='black'.*blue, green, red"),
        (dict(type="CutOutTargets", size=0.5), r"size=0\.5.*height, width"),
        (dict(type="CutOutTargets", size=(4, 4), min_size=(5, 2)), r"min_size not above size"),
        (dict(type="CutOutTargets", size=(4, 4), n_holes=0), r"n_holes of 1 or more"),
        (dict(type="PadTargets"), r"either size=\(height, width\) or a size_divisor"),
        (dict(type="PadTargets", size=(4, 4), size_divisor=2), r"either size"),
        (dict(type="PadTargets", size_divisor=0), r"size_divisor=0.*1 or more"),
        (dict(type="CenterCropTargets", crop_size=(4, 4, 3)), r"\(height, width\) in pixels"),
        (dict(type="MosaicTargets", center_range=(0.2, 1.5)), r"center_range.*0 to 1"),
        (dict(type="MosaicTargets", size=64), r"size=64.*height, width"),
        (dict(type="ZoomTargets", factor=0), r"factor=0.*factor above 0"),
        (dict(type="ZoomTargets", factor=(2, 1)), r"smallest, largest"),
        (dict(type="ZoomTargets", factor=2, rescale_depth="yes"), r"True or False"),
        (dict(type="FlipTargets", prob=1.5), r"prob=1\.5.*prob of 0 to 1"),
        (dict(type="FlipTargets", direction="sideways"), r"sideways.*horizontal"),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_wrong_arguments_are_told_when_the_pipeline_is_built(config, told):
    with pytest.raises(ConfigError, match=told):
        TRANSFORMS.build(config)


def test_raw_values_are_cut_or_refused_never_mixed(boards):
    for case in {case["type"]: case for case, _ in reversed(OURS)}.values():
        dataset = loaded(boards, case, load=RAW)
        if case["type"] in ("CenterCropTargets", "PhotometricJitter"):
            assert dataset[0]["undecoded"]
            continue
        with pytest.raises(
            ConfigError, match=rf"{case['type']} would change .*after DecodeTargets"
        ):
            dataset[0]
    assert loaded(boards, dict(type="FlipTargets", prob=1, on_device=True), load=RAW)[0][
        "undecoded"
    ]


def test_what_would_leave_targets_behind_is_refused(boards):
    rotate = dict(type="RotateTargets", degree=5)
    with pytest.raises(ConfigError, match=r"\['RotateTargets'\] before LoadTargets"):
        DATASETS.build(dict(boards, pipeline=[LOAD[0], rotate, LOAD[1]]))
    hidden = dict(type="RandomApply", transforms=[dict(type="Pad", size_divisor=8)])
    with pytest.raises(ConfigError, match=r"Pad.*PadTargets for Pad"):
        loaded(boards, hidden)
    swap = dict(type="RandomFlip", prob=0.5, swap_seg_labels=[(0, 1)])
    prefix = {k: v for k, v in boards["data_prefix"].items() if k != "normal_map_path"}
    with pytest.raises(ConfigError, match="swaps depths that equal a class id"):
        loaded(dict(boards, data_prefix=prefix), swap)
    labels = dict(boards, data_prefix=dict(img_path="rgb", seg_map_path="label"))
    assert len(loaded(labels, hidden)) == BOARDS
    with pytest.raises(ConfigError, match="mix the class ids"):
        loaded(labels, dict(type="RandomRotFlip"))


def test_targets_of_another_size_or_unknown_are_refused():
    pad = TRANSFORMS.build(dict(type="PadTargets", size=(9, 9)))
    with pytest.raises(ConfigError, match=r"gt_depth_map is 2x2 pixels, but its image 4x4"):
        pad(sample(4, 4, gt_depth_map=np.ones((2, 2), np.float32)))
    with pytest.raises(ConfigError, match=r"gt_edge_map.*DENSE_TARGETS"):
        pad(sample(4, 4, gt_edge_map=np.ones((4, 4), np.uint8)))


def test_a_mosaic_says_where_it_must_stand(boards):
    mosaic = dict(type="MosaicTargets", prob=1.0)
    nested = dict(type="RandomApply", transforms=[mosaic], prob=1.0)
    with pytest.raises(ConfigError, match="not into RandomApply"):
        loaded(boards, nested)[0]
    with pytest.raises(ConfigError, match="no data set"):
        TRANSFORMS.build(mosaic)(sample(4, 4))
