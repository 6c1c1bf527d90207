"""Augmentation on the device equals augmentation in the pipeline."""

import colorsys

import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS, MODELS, TRANSFORMS
from mmseg.structures import SegDataSample

from mtl_plugins.datasets.transforms.photometric import hue_turning, saturating
from mtl_plugins.errors import ConfigError
from mtl_plugins.targets import IGNORE_LABEL
from tests.batches import TARGETS, truth_of


def results(size=(6, 9), seed=0):
    """One sample before it is packed."""
    random = np.random.default_rng(seed)
    return dict(
        img=random.integers(0, 256, (*size, 3), np.uint8),
        gt_seg_map=random.integers(0, 5, size).astype(np.uint8),
        gt_depth_map=random.random(size).astype(np.float32),
        gt_normal_map=random.normal(size=(*size, 3)).astype(np.float32),
        img_shape=size,
        ori_shape=size,
        seg_fields=["gt_seg_map", "gt_depth_map", "gt_normal_map"],
    )


def results_of_every_target(size=(6, 9), seed=0):
    """The same with a target of every type, each with invalid pixels."""
    torch.manual_seed(seed)
    arrays = {
        target.array: truth_of(target, *size).permute(1, 2, 0).numpy().astype(target.dtype)
        for target in TARGETS.values()
    }
    arrays = {key: a[..., 0] if a.shape[2] == 1 else a for key, a in arrays.items()}
    given = {key: results(size, seed)[key] for key in ("img", "img_shape", "ori_shape")}
    return dict(given, **arrays, seg_fields=list(arrays), targets=list(TARGETS.values()))


def packed(transforms, source=results, **kwargs):
    sample = source(**kwargs)
    for transform in [*transforms, dict(type="PackTargets")]:
        sample = TRANSFORMS.build(transform)(sample)
    return sample


def prepared(*samples, training=True, **kwargs):
    data = dict(
        inputs=[sample["inputs"] for sample in samples],
        data_samples=[sample["data_samples"] for sample in samples],
    )
    return MODELS.build(dict(type="MultiTaskDataPreprocessor", **kwargs))(data, training)


@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
def test_flips_of_a_batch_are_those_of_its_samples(direction):
    flip = dict(type="FlipTargets", prob=1.0, direction=direction)
    sizes = ((6, 9), (6, 9), (4, 12))
    expected, found = (
        prepared(
            *[
                packed(
                    [dict(flip, on_device=on_device)], results_of_every_target, size=size, seed=i
                )
                for i, size in enumerate(sizes)
            ]
        )
        for on_device in (False, True)
    )
    assert torch.equal(found["inputs"], expected["inputs"])
    for sample, other in zip(found["data_samples"], expected["data_samples"], strict=True):
        for target in TARGETS.values():
            pair = [each.get(target.truth).data for each in (sample, other)]
            torch.testing.assert_close(*pair, rtol=0, atol=0, equal_nan=True)
    # Padding below the smallest image is invalid, and so are its two columns.
    for target in TARGETS.values():
        known = target.known_pixels(found["data_samples"][2].get(target.truth).data)[0]
        assert known.shape == (6, 12) and known[:4].sum() == 4 * 10 and not known[4:].any()


def test_samples_without_a_list_of_targets_have_the_predefined_ones():
    flip = dict(type="FlipTargets", prob=1.0, on_device=True)
    batch = [packed([flip], size=size) for size in ((4, 9), (6, 9))]
    arrays = results((4, 9))
    for each in batch:
        del each["data_samples"].targets
    found = prepared(*batch)["data_samples"][0]
    assert (found.gt_sem_seg.data[0, 4:] == IGNORE_LABEL).all()
    np.testing.assert_array_equal(found.gt_depth_map.data[0, :4], arrays["gt_depth_map"][:, ::-1])
    x = found.gt_normal_map.data[0, :4]
    np.testing.assert_array_equal(x, -arrays["gt_normal_map"][:, ::-1, 0])


def test_flips_on_the_device_are_drawn_as_on_the_cpu():
    drawn = []
    for on_device in (False, True):
        np.random.seed(3)
        flip = TRANSFORMS.build(dict(type="FlipTargets", prob=0.5, on_device=on_device))
        flips = [flip(results()) for _ in range(40)]
        drawn.append([bool(r.get("device_flip") if on_device else r["flip"]) for r in flips])
    assert drawn[0] == drawn[1]
    assert 5 < sum(drawn[0]) < 35


def test_prediction_applies_no_augmentation():
    sample = packed([dict(type="FlipTargets", prob=1.0, on_device=True)])
    plain = packed([])
    assert torch.equal(
        prepared(sample, training=False)["inputs"], prepared(plain, training=False)["inputs"]
    )


def with_colors(colors, size=(6, 9), seed=0):
    sample = packed([], size=size, seed=seed)
    sample["data_samples"].set_metainfo(dict(device_colors=colors))
    return sample


def test_each_sample_gets_its_own_colours_and_padding_stays_the_mean():
    colors = np.array([[0, 0, 2, 5], [0, 1, 0, -50], [1, 0, 0, 0]], np.float32)
    batch = prepared(
        with_colors(colors), with_colors(None, (4, 12), 1), mean=(0, 0, 0), std=(1, 1, 1)
    )
    image = results()["img"].astype(np.float64)
    expected = np.stack(
        [
            image[..., 0],  # red was blue: bgr_to_rgb comes after
            (image[..., 1] - 50).clip(0, 255),
            (2 * image[..., 2] + 5).clip(0, 255),
        ]
    )
    np.testing.assert_allclose(batch["inputs"][0, :, :, :9], expected, atol=1e-4)
    np.testing.assert_array_equal(
        batch["inputs"][1, :, :4], results((4, 12), 1)["img"].transpose(2, 0, 1)[::-1]
    )
    bright = np.eye(3, 4, dtype=np.float32)
    bright[:, 3] = 300
    padded = prepared(with_colors(bright), with_colors(bright, (4, 12), 1))["inputs"]
    assert (padded[0, :, :, 9:] == 0).all()
    assert (padded[1, :, 4:] == 0).all()
    white = (255 - torch.tensor([123.675, 116.28, 103.53])) / torch.tensor([58.395, 57.12, 57.375])
    assert torch.allclose(padded[0, :, :, :9], white.view(3, 1, 1).expand(3, 6, 9))


def test_saturation_and_hue():
    color = np.array([40.0, 90.0, 160.0])
    luma = 0.114 * 40 + 0.587 * 90 + 0.299 * 160
    np.testing.assert_allclose(saturating(0.0) @ color, [luma] * 3)
    np.testing.assert_allclose(saturating(1.0) @ color, color)
    np.testing.assert_allclose(saturating(2.0) @ color, 2 * color - luma)
    np.testing.assert_allclose(hue_turning(360) @ color, color, atol=1e-9)
    np.testing.assert_allclose(hue_turning(50) @ hue_turning(-50) @ color, color)
    grey = np.full(3, 77.0)
    np.testing.assert_allclose(hue_turning(120) @ grey, grey)
    assert np.array([0.114, 0.587, 0.299]) @ hue_turning(33) @ color == pytest.approx(luma)
    # The standard library's hue changes steadily with the angle.
    hues = [colorsys.rgb_to_hsv(*(hue_turning(a) @ color)[::-1] / 255)[0] for a in (-15, 0, 15)]
    assert hues[0] < hues[1] < hues[2] or hues[0] > hues[1] > hues[2]


def test_the_jitter_draws_within_its_ranges():
    np.random.seed(0)
    only = dict(type="PhotometricJitter", prob=1.0, brightness=0, hue=0)
    contrast = TRANSFORMS.build(dict(only, contrast=(0.5, 1.5), saturation=(1, 1)))
    factors = []
    for _ in range(200):
        colors = contrast({})["device_colors"]
        np.testing.assert_allclose(colors, colors[0, 0] * np.eye(3, 4), atol=1e-6)
        factors.append(colors[0, 0])
    assert 0.5 <= min(factors) < 0.55 and 1.45 < max(factors) <= 1.5
    brightness = TRANSFORMS.build(
        dict(type="PhotometricJitter", prob=1.0, contrast=(1, 1), saturation=(1, 1), hue=0)
    )
    shifts = np.array([brightness({})["device_colors"][:, 3] for _ in range(200)])
    assert (shifts == shifts[:, :1]).all()
    assert -32 <= shifts.min() < -28 and 28 < shifts.max() <= 32
    never = TRANSFORMS.build(dict(type="PhotometricJitter", prob=0.0))
    assert np.array_equal(never({})["device_colors"], np.eye(3, 4))


@pytest.mark.parametrize(
    "wrong", [dict(brightness=-1), dict(contrast=(2, 1)), dict(hue=-1), dict(prob=2)]
)
def test_wrong_ranges_are_refused(wrong):
    with pytest.raises(ConfigError, match="PhotometricJitter"):
        TRANSFORMS.build(dict(type="PhotometricJitter", **wrong))


def test_pipelines_that_ignore_device_flips_are_refused(scenes_root):
    with pytest.raises(ConfigError, match="Use PackTargets"):
        DATASETS.build(
            dict(
                type="MultiTaskDataset",
                data_root=scenes_root,
                data_prefix=dict(img_path="rgb/train"),
                pipeline=[
                    dict(type="LoadImage"),
                    dict(type="PhotometricJitter"),
                    dict(type="PackSegInputs"),
                ],
            )
        )
    with pytest.raises(ConfigError, match="does not swap labels"):
        TRANSFORMS.build(
            dict(type="FlipTargets", prob=0.5, on_device=True, swap_seg_labels=[(0, 1)])
        )


def test_images_without_samples_are_only_normalised():
    preprocessor = MODELS.build(dict(type="MultiTaskDataPreprocessor"))
    image = torch.zeros(3, 4, 4, dtype=torch.uint8)
    assert preprocessor(dict(inputs=[image]), training=True)["data_samples"] is None
    sample = SegDataSample()
    both = preprocessor(dict(inputs=[image], data_samples=[sample]), training=True)["inputs"]
    assert torch.equal(both, preprocessor(dict(inputs=[image]))["inputs"])
