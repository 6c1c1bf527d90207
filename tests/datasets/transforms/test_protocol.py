"""Transforms of protocols: the depth of the sky, evaluation windows, sizes."""

import numpy as np
import pytest
from mmengine.config import Config

from mtl_plugins.config import build_dataset, pack_config, with_packed
from mtl_plugins.datasets import (
    CityscapesMultiTask,
    EvaluationCrop,
    FillSkyDepth,
    ResizeSample,
    TargetReader,
)
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.targets import DEPTH
from tests.datasets.layouts import write_cityscapes

LOAD = [dict(type="LoadImage"), dict(type="LoadTargets")]
PACK = dict(type="PackTargets")


@pytest.fixture
def root(tmp_path):
    """Cityscapes with road, sky, car, sky; the stereo found 20 pixels (20 m) in the first sky."""
    write_cityscapes(str(tmp_path), labels=(7, 23, 26, 23), disparity=(257, 5121, 5121, 0))
    return str(tmp_path)


def depth_of(root, *transforms, **kwargs):
    pipeline = [*LOAD, *transforms]
    return CityscapesMultiTask(data_root=root, pipeline=pipeline, serialize_data=False, **kwargs)[0]


@pytest.mark.parametrize("num_classes", [19, 7])
@pytest.mark.parametrize(
    ("sky", "expected"),
    [([], [400, 20, 20, 0]), ([0], [400, 0, 20, 0]), ([300.0], [400, 300, 20, 300])],
)
def test_the_sky_can_be_left_removed_or_put_far_away(root, num_classes, sky, expected):
    fill = [dict(type="FillSkyDepth", depth=depth) for depth in sky]
    sample = depth_of(root, *fill, num_classes=num_classes)
    np.testing.assert_allclose(sample["gt_depth_map"][0, :4], expected, rtol=1e-6)


@pytest.mark.parametrize("crop_first", [True, False])
def test_the_sky_of_packed_data_is_that_of_the_files(root, tmp_path, crop_first):
    crop, sky = dict(type="RandomCrop", crop_size=(2, 6)), dict(type="FillSkyDepth", depth=300.0)
    pipeline = [*LOAD, *([crop, sky] if crop_first else [sky, crop]), PACK]
    dataset = dict(
        type="CityscapesMultiTask", data_root=root, pipeline=pipeline, serialize_data=False
    )
    config = Config(dict(train_dataloader=dict(dataset=dataset)))
    pack_config(config, str(tmp_path / "packed"))
    packed = build_dataset(with_packed(config, str(tmp_path / "packed")), "train")
    for index in range(2):
        samples = []
        for each in (build_dataset(config, "train"), packed):
            np.random.seed(index)
            samples.append(each[index]["data_samples"])
        depths = [sample.gt_depth_map.data for sample in samples]
        assert (depths[0] == depths[1]).all()
        sky_id = packed.metainfo["classes"].index("sky")
        assert (depths[0][samples[0].gt_sem_seg.data == sky_id] == 300).all()


def test_sky_depth_without_sky_labels_is_an_error(root):
    with pytest.raises(ConfigError, match=r"FillSkyDepth\(class_name='Sky'\).*'sky'"):
        depth_of(root, dict(type="FillSkyDepth", class_name="Sky"))
    prefix = dict(img_path="leftImg8bit/train", depth_map_path="disparity/train")
    with pytest.raises(ConfigError, match="needs labels"):
        depth_of(root, dict(type="FillSkyDepth"), data_prefix=prefix)
    with pytest.raises(ConfigError, match="metres"):
        FillSkyDepth(depth=float("inf"))
    # Images alone have no depth to fill.
    assert depth_of(root, dict(type="FillSkyDepth"), split="test")["seg_fields"] == []


@pytest.mark.parametrize("name", ["FillSkyDepth", "EvaluationCrop"])
def test_targets_must_be_decoded_before(root, name):
    window = dict(rows=(0, 1), columns=(0, 1)) if name == "EvaluationCrop" else {}
    pipeline = [LOAD[0], dict(type="LoadTargets", decode=False), dict(type=name, **window)]
    with pytest.raises(ConfigError, match=rf"{name} would change .*after DecodeTargets"):
        CityscapesMultiTask(data_root=root, pipeline=pipeline)


def test_targets_are_invalid_outside_the_window(root):
    crop = dict(type="EvaluationCrop", rows=(1, 3), columns=(2, 5))
    whole, sample = depth_of(root), depth_of(root, crop)
    assert np.array_equal(sample["img"], whole["img"])
    inside = np.zeros((4, 8), bool)
    inside[1:3, 2:5] = True
    for key, none in (("gt_seg_map", 255), ("gt_depth_map", 0)):
        assert (sample[key][~inside] == none).all()
        assert np.array_equal(sample[key][inside], whole[key][inside])
    sample = depth_of(root, dict(crop, kinds=("depth",)))
    assert np.array_equal(sample["gt_seg_map"], whole["gt_seg_map"])
    assert (sample["gt_depth_map"][~inside] == 0).all()


def test_windows_that_do_not_fit_are_refused(root):
    with pytest.raises(DataError, match=r"aachen_000000_000000_leftImg8bit\.png is 4x8 pixels"):
        depth_of(root, dict(type="EvaluationCrop"))
    assert depth_of(root, dict(type="EvaluationCrop"), split="test")["seg_fields"] == []
    for wrong in (dict(rows=(3, 3)), dict(columns=(5,))):
        with pytest.raises(ConfigError, match="EvaluationCrop"):
            EvaluationCrop(**wrong)
    window = dict(type="EvaluationCrop", rows=(0, 2), columns=(0, 2))
    with pytest.raises(ConfigError, match=r"EvaluationCrop\(kinds=.*'edges'.*semseg"):
        depth_of(root, dict(window, kinds=("edges",)))


@pytest.mark.parametrize(
    ("size", "garg", "eigen"),
    [
        ((375, 1242), (153, 371, 44, 1197), (124, 342, 44, 1197)),
        ((352, 1216), (143, 349, 43, 1172), (117, 321, 43, 1172)),
        ((370, 1226), (151, 366, 44, 1181), (122, 337, 44, 1181)),
    ],
)
def test_the_windows_of_kitti_equal_those_of_its_evaluations(size, garg, eigen):
    # bts (5e3406b), pytorch/bts_eval.py: top, bottom, left, right, ends exclusive.
    for window, (top, bottom, left, right) in dict(garg=garg, eigen=eigen).items():
        depth = np.ones(size, np.float32)
        results = dict(img=np.zeros((*size, 3), np.uint8), gt_depth_map=depth, targets=[DEPTH])
        EvaluationCrop(window=window)(dict(results, seg_fields=["gt_depth_map"]))
        assert (depth[top:bottom, left:right] == 1).all()
        assert depth.sum() == (bottom - top) * (right - left)


def test_windows_of_shares_need_floats():
    for wrong in (
        dict(rows=(0.5, 1.5)),
        dict(rows=(0, 0.5)),
        dict(window="gark"),
        dict(window="garg", rows=(0, 9)),
    ):
        with pytest.raises(ConfigError, match="EvaluationCrop"):
            EvaluationCrop(**wrong)


def test_a_protocols_size_is_the_samples_own(root):
    sample = depth_of(root, dict(type="ResizeSample", size=(2, 4)))
    assert sample["img"].shape == (2, 4, 3)
    assert sample["ori_shape"] == sample["img_shape"] == (2, 4)
    # Nearest pixels: columns 0, 2, 4, 6 of road, sky, car, sky; depth keeps its values.
    assert sample["gt_seg_map"][0].tolist() == [0, 13, 0, 13]
    np.testing.assert_allclose(sample["gt_depth_map"][0], [400, 20, 400, 20], rtol=1e-6)
    with pytest.raises(ConfigError, match="height, width"):
        ResizeSample(size=(128,))


def test_mtans_inverse_depth_is_the_file_over_65535_without_cameras(root, tmp_path):
    for camera in tmp_path.rglob("*_camera.json"):
        camera.unlink()
    sample = depth_of(root, depth_format=dict(scale=1 / 65535, inverse=True))
    depth = sample["gt_depth_map"][0, :4]
    np.testing.assert_allclose(1 / depth[:3], np.array([257, 5121, 5121]) / 65535, rtol=1e-6)
    assert depth[3] == 0


def test_data_reports_use_the_same_truth_as_the_metrics(root):
    """The image-blind predictor and depth statistics follow the protocol, not the augmentation."""
    pipeline = [
        *LOAD,
        dict(type="FillSkyDepth", depth=300.0),
        dict(type="RandomCrop", crop_size=(1, 1)),
        dict(type="EvaluationCrop", rows=(0, 2), columns=(0, 8)),
        dict(type="ResizeSample", size=(2, 4)),
    ]
    dataset = CityscapesMultiTask(data_root=root, pipeline=pipeline, serialize_data=False)
    targets = next(iter(TargetReader(dataset)))
    classes, depth = targets["semseg"], targets["depth"]
    assert classes.tolist() == [[0, 13, 0, 13], [255] * 4]
    np.testing.assert_allclose(depth, [[400, 20, 400, 20], [0] * 4], rtol=1e-6)
