"""A checkerboard passes every transform: image, labels, depth and normals stay aligned."""

import os
import re

import numpy as np
import pytest
from mmcv import transforms as mmcv_transforms
from mmseg.registry import DATASETS, TRANSFORMS

from mtl_plugins.datasets import SampleIndex, pack_dataset, seeded
from mtl_plugins.datasets.pipeline_check import DEPTH_BREAKING, SEMSEG_BREAKING, VECTORS_BREAKING
from mtl_plugins.datasets.transforms import MEAN_COLOUR
from mtl_plugins.errors import ConfigError
from tests.conftest import ROOT
from tests.datasets.transforms.boards import (
    BOARDS,
    NEW,
    NORMALS,
    RAW,
    SIZE,
    assert_one_picture,
    checkerboards,
    loaded,
    pressed,
    turned,
)


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    return checkerboards(tmp_path_factory.mktemp("boards"))


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
    (dict(type="ResizeSample", size=(80, 144)), dict(size=(80, 144))),
    (dict(type="ResizeTargets", scale=(144, 80)), dict(size=(80, 144))),
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
    again = dataset[SampleIndex(seed, (0, 0, seed))]
    assert all(np.array_equal(again[key], results[key]) for key in ("img", *results["seg_fields"]))


def test_every_transform_of_the_package_is_tested():
    """A new transform fails here until it is listed in OURS."""
    registered = {n for n, t in TRANSFORMS.module_dict.items() if t.__module__.startswith("mtl_")}
    unmoving = {"LoadImage", "LoadTargets", "DecodeTargets", "PackTargets"}
    # They change only targets (test_protocol.py).
    unmoving |= {"EvaluationCrop", "FillSkyDepth"}
    assert {case["type"] for case, _ in OURS} == registered - unmoving


def wrong_cases():
    """Return the refused transforms, each with the error that the board finds in it."""
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
def test_refused_transforms_break_alignment(boards, name):
    """This also proves that the checks of the board find such errors."""
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


def test_every_refused_transform_is_tested():
    untried = {"Albu", "PackSegInputs"}  # not installed; packs, see test_normals
    assert set(wrong_cases()) == set(VECTORS_BREAKING) - untried
    assert set(SEMSEG_BREAKING) < set(DEPTH_BREAKING) < set(VECTORS_BREAKING)


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


def test_the_documented_pipeline_runs(boards):
    with open(os.path.join(ROOT, "docs", "transforms.md"), encoding="utf-8") as page:
        block = re.search(r"```python\n(.*?)```", page.read(), re.DOTALL)[1]
    values: dict = {}
    exec(block, values)
    sample = DATASETS.build(dict(boards, pipeline=values["train_pipeline"]))[0]
    assert sample["inputs"].shape == (3, 48, 64)


def test_a_centre_crop_before_decoding_gives_the_same(boards):
    crop = dict(type="CenterCropTargets", crop_size=31)
    early = loaded(boards, crop, dict(type="DecodeTargets"), load=RAW)[1]
    late = loaded(boards, crop)[1]
    whole = loaded(boards)[1]
    for key in ("img", "gt_seg_map", "gt_depth_map", "gt_normal_map"):
        assert np.array_equal(early[key], late[key])
        assert np.array_equal(late[key], whole[key][16:47, 32:63])


def test_raw_values_are_cropped_or_refused(boards):
    decode = dict(type="DecodeTargets")
    for case in {case["type"]: case for case, _ in reversed(OURS)}.values():
        if case["type"] in ("CenterCropTargets", "PhotometricJitter"):
            loaded(boards, case, decode, load=RAW)
            continue
        with pytest.raises(
            ConfigError, match=rf"{case['type']} would change .*after DecodeTargets"
        ):
            loaded(boards, case, decode, load=RAW)
    loaded(boards, dict(type="FlipTargets", prob=1, on_device=True), decode, load=RAW)
    with pytest.raises(ConfigError, match="without DecodeTargets"):
        loaded(boards, load=RAW)
    with pytest.raises(ConfigError, match="decoded already"):
        loaded(boards, decode)
