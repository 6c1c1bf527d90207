"""Albumentations changes the image alone, with the sample's randomness, or is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mtl_plugins.datasets import seeded
from mtl_plugins.datasets.transforms import AlbuImage
from mtl_plugins.errors import ConfigError

albumentations = pytest.importorskip("albumentations")
NOISE = dict(type="GaussNoise", p=1.0)
KINDS = {
    name: kind
    for name, kind in vars(albumentations).items()
    if isinstance(kind, type)
    and issubclass(kind, albumentations.BasicTransform)
    and kind.__module__.startswith("albumentations.augmentations")
}


def sample():
    image = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    labels = np.arange(2400, dtype=np.uint16).reshape(40, 60)
    return dict(img=image, gt_seg_map=labels, seg_fields=["gt_seg_map"])


def changed(transform, *key):
    with seeded(*key):
        return transform(sample())


def test_the_image_changes_and_nothing_else():
    before, after = sample(), changed(AlbuImage([NOISE]), 0)
    assert after.keys() == before.keys() and np.array_equal(
        after["gt_seg_map"], before["gt_seg_map"]
    )
    assert after["img"].shape == before["img"].shape and after["img"].dtype == np.uint8
    assert not np.array_equal(after["img"], before["img"])


def test_the_change_is_a_function_of_the_samples_seed():
    transform = AlbuImage([NOISE, dict(type="RandomGamma", p=0.5)])
    one, two, other = (changed(transform, 0, 3, index)["img"] for index in (7, 7, 8))
    assert np.array_equal(one, two) and not np.array_equal(one, other)
    # A worker process gets a copy, which has seen other samples.
    copy = pickle.loads(pickle.dumps(transform))
    changed(copy, 1)
    assert np.array_equal(changed(copy, 0, 3, 7)["img"], one)


def test_colours_are_blue_green_red_as_everywhere_here():
    # ToGray's default weights are those of red, green and blue.
    weights = dict(type="ToGray", p=1.0, method="weighted_average")
    grey = changed(AlbuImage([weights]), 0)["img"]
    expected = sample()["img"] @ np.array([0.114, 0.587, 0.299])
    assert np.abs(grey[..., 0] - expected).max() <= 1


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_transform_keeps_pixels_in_place_or_is_refused(name):
    if not issubclass(KINDS[name], albumentations.ImageOnlyTransform):
        with pytest.raises(ConfigError, match="moves or cuts"):
            AlbuImage([dict(type=name)])
        return
    try:
        transform = AlbuImage([dict(type=name, p=1.0)])
    except ConfigError as error:
        assert name in str(error) and "\n" not in str(error)
        return
    assert changed(transform, 0)["img"].shape == (40, 60, 3)


def test_composed_transforms_are_checked_inside():
    choice = dict(type="OneOf", p=1.0, transforms=[NOISE, dict(type="Blur", p=1.0)])
    assert not np.array_equal(changed(AlbuImage([choice]), 0)["img"], sample()["img"])
    with pytest.raises(ConfigError, match=r"HorizontalFlip.* moves or cuts"):
        AlbuImage([dict(choice, transforms=[dict(type="HorizontalFlip")])])


@pytest.mark.parametrize(
    ("transforms", "message"),
    [
        ([dict(type="GausNoise")], r"no such transform. Did you mean GaussNoise"),
        ([dict(type="GaussNoise", var_limit=3)], "'var_limit' are not valid"),
        ([dict(type="GaussNoise", std_range=(5, 1))], "does not work: .*std_range"),
        ([dict(type="Normalize")], "data_preprocessor's work"),
        ([dict(type="HistogramMatching")], "does not work"),
        ([], "expected a list"),
        (dict(type="GaussNoise"), "expected a list"),
        (["GaussNoise"], "expected dict"),
    ],
)
def test_what_cannot_be_is_refused_when_the_pipeline_is_built(transforms, message):
    with pytest.raises(ConfigError, match=message):
        TRANSFORMS.build(dict(type="AlbuImage", transforms=transforms))
