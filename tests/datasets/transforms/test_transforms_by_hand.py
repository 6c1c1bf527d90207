"""Single transforms against results computed by hand, and arguments that they refuse."""

import numpy as np
import pytest
from mmseg.registry import DATASETS, TRANSFORMS

from mtl_plugins.errors import ConfigError
from mtl_plugins.street_scenes import render_scene
from tests.datasets.transforms.boards import (
    BOARDS,
    DECLARED,
    LOAD,
    checkerboards,
    loaded,
    sample,
    with_targets,
)


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    return checkerboards(tmp_path_factory.mktemp("boards"))


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
    assert normals[2, 1].tolist() == [1, 0, 0], "the given sample is not changed"


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
    """The reference are finite differences of the rescaled depth in the same camera."""
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
    # Only slanted planes: frontal ones and those along the axis look the same either way.
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


def test_swapped_labels_leave_depth_alone():
    labels = np.array([[1, 2, 3]], np.uint8)
    flip = TRANSFORMS.build(dict(type="FlipTargets", prob=1, swap_seg_labels=[(1, 2)]))
    after = flip(sample(1, 3, gt_seg_map=labels, gt_depth_map=labels.astype(np.float32)))
    assert after["gt_seg_map"].tolist() == [[3, 1, 2]]
    assert after["gt_depth_map"].tolist() == [[3, 2, 1]]


@pytest.mark.parametrize(
    ("config", "message"),
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
        (dict(type="FlipTargets", prob=None), r"prob=None.*prob of 0 to 1"),
        (
            dict(type="FlipTargets", prob=(0.5, 0.6), direction=["horizontal", "vertical"]),
            "at most",
        ),
        (dict(type="FlipTargets", direction="sideways"), r"sideways.*horizontal"),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_wrong_arguments_are_refused_when_the_pipeline_is_built(config, message):
    with pytest.raises(ConfigError, match=message):
        TRANSFORMS.build(config)


def test_transforms_that_ignore_targets_are_refused(boards):
    rotate = dict(type="RotateTargets", degree=5)
    with pytest.raises(ConfigError, match=r"\['RotateTargets'\] before LoadTargets"):
        DATASETS.build(dict(boards, pipeline=[LOAD[0], rotate, LOAD[1]]))
    with pytest.raises(ConfigError, match=r"\['MosaicTargets'\] before LoadTargets"):
        DATASETS.build(dict(boards, pipeline=[LOAD[0], dict(type="MosaicTargets"), LOAD[1]]))
    hidden = dict(type="RandomApply", transforms=[dict(type="Pad", size_divisor=8)])
    with pytest.raises(ConfigError, match=r"Pad.*PadTargets for Pad"):
        loaded(boards, hidden)
    swap = dict(type="RandomFlip", prob=0.5, swap_seg_labels=[(0, 1)])
    with pytest.raises(ConfigError, match="swaps depths that equal a class id"):
        loaded(with_targets(boards, "semseg", "depth"), swap)
    labels = with_targets(boards, "semseg")
    assert len(loaded(labels, hidden)) == BOARDS
    with pytest.raises(ConfigError, match="mixes the values of neighbouring pixels"):
        loaded(labels, dict(type="RandomRotFlip"))
    # Every fault is named at once.
    faults = r"Pad leaves .*flow behind.*Use PadTargets .*normals, facing, flow, but does not turn"
    with pytest.raises(ConfigError, match=faults):
        loaded(boards, hidden, dict(type="RandomFlip", prob=0.5))
    # New area of many classes would be class 255.
    many = dict(type="MultiTaskDataset", data_root=boards["data_root"], img_suffix=".png")
    many["targets"] = dict(semseg=dict(folder="parts", classes=DECLARED["parts"]["classes"]))
    many["data_prefix"] = dict(img_path="rgb")
    with pytest.raises(ConfigError, match="Pad leaves semseg behind, or fills"):
        loaded(many, hidden)


def test_swapped_classes_of_a_target_that_is_not_loaded_are_refused(boards):
    flip = dict(type="FlipTargets", swap_seg_labels=dict(prats=[(1, 2)]))
    with pytest.raises(ConfigError, match=r"swap_seg_labels.*'prats'.*parts"):
        loaded(boards, flip)


def test_swapped_classes_that_do_not_exist_are_refused(boards):
    flip = dict(type="FlipTargets", swap_seg_labels=dict(parts=[(1, 7777)]))
    with pytest.raises(ConfigError, match=r"swaps \[7777\] of 'parts', whose classes are 0 to"):
        loaded(boards, flip)


def test_targets_of_another_size_or_unknown_are_refused():
    pad = TRANSFORMS.build(dict(type="PadTargets", size=(9, 9)))
    with pytest.raises(ConfigError, match=r"gt_depth_map is 2x2 pixels, but its image 4x4"):
        pad(sample(4, 4, gt_depth_map=np.ones((2, 2), np.float32)))
    with pytest.raises(ConfigError, match=r"gt_edge_map.*Declare the target"):
        pad(sample(4, 4, gt_edge_map=np.ones((4, 4), np.uint8)))
