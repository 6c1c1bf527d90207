"""Every transform moves further channels as the colours, and colour changes leave them alone."""

from __future__ import annotations

import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mtl_plugins.errors import ConfigError
from tests.models.test_device_augmentation import results

FILL = (7, 8, 9, 9, 7)
MOVING = [
    dict(type="FlipTargets", prob=1.0),
    dict(type="RandomCrop", crop_size=(4, 5)),
    dict(type="CenterCropTargets", crop_size=(4, 5)),
    dict(type="PadTargets", size=(9, 12), fill=FILL),
    dict(type="CutOutTargets", size=(2, 3), n_holes=2, prob=1.0, fill=FILL),
    dict(type="RotateTargets", degree=(30, 30), prob=1.0, fill=FILL),
    dict(type="ZoomTargets", factor=(0.6, 0.6)),
    dict(type="ZoomTargets", factor=(1.7, 1.7)),
    dict(type="ResizeSample", size=(12, 15)),
    dict(type="ResizeTargets", scale=(15, 12), keep_ratio=False),
    dict(type="Resize", scale=(15, 12), keep_ratio=False),
    dict(type="RandomResize", scale=(15, 12), ratio_range=(0.5, 2.0)),
]


def five(dtype):
    """Return a sample of five channels: blue, green, red, red again, blue again."""
    sample = results(size=(8, 10))
    sample["img"] = sample["img"][..., [0, 1, 2, 2, 0]].astype(dtype)
    return sample


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("transform", MOVING, ids=lambda each: each["type"])
def test_all_channels_move_alike(transform, dtype):
    found = []
    for channels in (5, 3):
        sample = five(dtype)
        sample["img"] = np.ascontiguousarray(sample["img"][..., :channels])
        given = dict(transform)
        if "fill" in given:
            given["fill"] = FILL[:channels]
        np.random.seed(3)
        found.append(TRANSFORMS.build(given)(sample))
    image, colours = (each["img"] for each in found)
    assert image.dtype == dtype and image.shape[2] == 5
    np.testing.assert_allclose(image[..., :3], colours, rtol=1e-5)
    np.testing.assert_allclose(image[..., 3:], colours[..., [2, 0]], rtol=1e-5)
    assert np.array_equal(found[0]["gt_seg_map"], found[1]["gt_seg_map"])


def test_new_area_of_further_channels_is_0():
    padded = TRANSFORMS.build(dict(type="PadTargets", size=(9, 10)))(five(np.uint8))["img"]
    assert padded[-1, 0].tolist() == [104, 116, 124, 0, 0]


def test_a_fill_of_more_channels_than_the_image_is_refused():
    transform = TRANSFORMS.build(dict(type="PadTargets", size=(9, 10), fill=(0,) * 6))
    with pytest.raises(ConfigError, match="6 values for images of 5 channels"):
        transform(five(np.uint8))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_albumentations_change_the_colours_alone(dtype):
    transform = TRANSFORMS.build(dict(type="AlbuImage", transforms=[dict(type="InvertImg", p=1.0)]))
    before, after = five(dtype)["img"], transform(five(dtype))["img"]
    assert after.dtype == dtype
    assert np.allclose(after[..., :3], 255 - before[..., :3], atol=1e-3)
    assert np.array_equal(after[..., 3:], before[..., 3:])


def test_albumentations_keep_levels():
    transform = TRANSFORMS.build(
        dict(type="AlbuImage", transforms=[dict(type="RandomGamma", p=1.0)])
    )
    transform.check_levels()
    ramp = np.linspace(0, 255, 4096, dtype=np.float32).reshape(64, 64, 1)
    sample = dict(img=np.repeat(ramp, 3, axis=2))
    changed = transform(sample)["img"][..., 0].ravel()
    assert (np.diff(changed) >= 0).all() and len(np.unique(changed)) > 4000
