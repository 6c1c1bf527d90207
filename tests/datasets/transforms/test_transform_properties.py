"""After any transforms in any order, on any size, pixels keep their own class, depth, normal."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mmcv.transforms import Compose
from mmseg.registry import MODELS, TRANSFORMS

from mtl_plugins.datasets import seeded
from mtl_plugins.targets import PREDEFINED
from tests.properties import PROPERTY

FILL = (201, 202, 203)
"""Colour of new area, which no pixel has."""

PIXELS = 50
"""Largest number per sample, so that the pixels of four samples have different classes."""

SIZES = (
    st.integers(1, PIXELS)
    .flatmap(
        lambda side: st.tuples(st.just(side), st.integers(1, PIXELS // side)).flatmap(
            st.permutations
        )
    )
    .map(tuple)
)
SIDES = st.tuples(st.integers(1, 20), st.integers(1, 20))
SEEDS = st.integers(0, 999)

MOVING = st.one_of(
    st.builds(lambda size: dict(type="PadTargets", size=size, fill=FILL), SIDES),
    st.builds(
        lambda n: dict(type="PadTargets", size_divisor=n, fill=FILL), st.integers(1, 13)
    ),
    st.builds(lambda size: dict(type="CenterCropTargets", crop_size=size), SIDES),
    st.builds(lambda size: dict(type="RandomCrop", crop_size=size), SIDES),
    st.builds(
        lambda size, n: dict(type="CutOutTargets", size=size, n_holes=n, prob=1.0, fill=FILL),
        SIDES, st.integers(1, 3),
    ),
    st.builds(
        lambda way: dict(type="FlipTargets", prob=1.0, direction=way),
        st.sampled_from(["horizontal", "vertical", "diagonal"]),
    ),
)  # fmt: skip
"""Transforms that only move pixels or add new ones."""

MIXING = st.one_of(
    st.builds(lambda f: dict(type="ZoomTargets", factor=f), st.floats(0.3, 2.0)),
    st.builds(
        lambda a: dict(type="RotateTargets", degree=(a, a), prob=1.0, fill=FILL),
        st.floats(-180, 180),
    ),
    st.builds(lambda size: dict(type="ResizeSample", size=size), SIDES),
)
"""Transforms that interpolate colours."""


class Source:
    """A sample whose pixels are numbered: number i has class i, colour i and depth i + 1."""

    def __init__(self, size, seed, first=0):
        count, random = size[0] * size[1], np.random.default_rng(seed)
        self.numbers = (first + np.arange(count)).reshape(size)
        self.measured = random.random(PIXELS * 4) < 0.8
        self.facing = random.random(PIXELS * 4) < 0.8
        self.random = random

    def sample(self):
        numbers = self.numbers
        depth = np.where(self.measured[numbers], numbers + 1, 0).astype(np.float32)
        z = -(numbers + 1) / 256
        normals = np.stack([np.sqrt(1 - z**2), 0 * z, z], -1) * self.facing[numbers][..., None]
        return dict(
            img=np.repeat(numbers[..., None], 3, 2).astype(np.uint8),
            img_shape=numbers.shape,
            ori_shape=numbers.shape,
            gt_seg_map=numbers.astype(np.uint8),
            gt_depth_map=depth,
            gt_normal_map=normals.astype(np.float32),
            seg_fields=["gt_seg_map", "gt_depth_map", "gt_normal_map"],
        )


def assert_pixels_kept(results, sources, nearness=1.0):
    """Check that each pixel has the depth and normal that belong to its class, or none."""
    numbers = results["gt_seg_map"].astype(int)
    new = numbers == 255
    numbers[new] = 0
    measured, facing = (
        np.logical_or.reduce([getattr(s, name) & np.isin(np.arange(len(s.measured)), s.numbers)
                              for s in sources])
        for name in ("measured", "facing")
    )  # fmt: skip
    depth = np.where(measured[numbers] & ~new, (numbers + 1) / nearness, 0)
    np.testing.assert_allclose(results["gt_depth_map"], depth, rtol=1e-5)
    z = -(numbers + 1) / 256
    # A zoom compresses the scene: see ZoomTargets.
    z = z * nearness / np.sqrt(1 + (nearness**2 - 1) * z**2)
    there = facing[numbers] & ~new
    np.testing.assert_allclose(results["gt_normal_map"][..., 2], z * there, atol=1e-5)
    length = np.linalg.norm(results["gt_normal_map"], axis=-1)
    np.testing.assert_allclose(length, there.astype(float), atol=1e-5)
    sizes = {results[key].shape[:2] for key in ("img", *results["seg_fields"])}
    assert sizes == {tuple(results["img_shape"])} and min(*sizes.pop()) > 0
    return numbers, new


@PROPERTY
@given(size=SIZES, seed=SEEDS, transforms=st.lists(MOVING, min_size=1, max_size=4))
def test_pixels_are_moved_unchanged_or_are_new(size, seed, transforms):
    source = Source(size, seed)
    with seeded(seed):
        results = Compose(transforms)(source.sample())
    numbers, new = assert_pixels_kept(results, [source])
    assert (results["img"][~new] == numbers[~new][:, None]).all()
    assert (results["img"][new] == FILL).all()


@PROPERTY
@given(
    size=SIZES, seed=SEEDS, transforms=st.lists(st.one_of(MOVING, MIXING), min_size=1, max_size=4)
)
def test_interpolated_colours_never_mix_targets(size, seed, transforms):
    source = Source(size, seed)
    with seeded(seed):
        results = Compose(transforms)(source.sample())
    factors = [t["factor"] for t in transforms if t["type"] == "ZoomTargets"]
    assert_pixels_kept(results, [source], nearness=np.prod([*factors, 1.0]))


@PROPERTY
@given(sizes=st.lists(SIZES, min_size=1, max_size=4), goal=st.none() | SIDES, seed=SEEDS)
def test_a_mosaic_of_any_sizes_consists_of_unchanged_windows(sizes, goal, seed):
    sources = [Source(size, seed, first=PIXELS * index) for index, size in enumerate(sizes)]
    mosaic = TRANSFORMS.build(dict(type="MosaicTargets", size=goal, prob=1.0, fill=FILL))

    class Samples:
        pipeline = Compose([mosaic])

        def __len__(self):
            return len(sources)

        def get_data_info(self, index):
            return sources[index].sample()

    mosaic.read_from(Samples())
    with seeded(seed):
        results = mosaic(sources[0].sample())
    numbers, new = assert_pixels_kept(results, sources)
    assert results["img"].shape[:2] == (goal or sizes[0])
    assert (results["img"][~new] == numbers[~new][:, None]).all()
    assert (results["img"][new] == FILL).all()


@PROPERTY
@given(sizes=st.lists(SIZES, min_size=1, max_size=3), seed=SEEDS)
def test_batches_of_any_sizes_contain_each_sample_and_padding(sizes, seed):
    sources = [Source(size, seed) for size in sizes]
    pack = TRANSFORMS.build(dict(type="PackTargets", meta_keys=()))
    packed = [pack(source.sample()) for source in sources]
    batch = {key: [each[key] for each in packed] for key in ("inputs", "data_samples")}
    preprocessor = MODELS.build(dict(type="MultiTaskDataPreprocessor"))
    found = preprocessor(batch, training=True)
    for source, inputs, sample in zip(sources, found["inputs"], found["data_samples"], strict=True):
        (height, width), expected = source.numbers.shape, source.sample()
        assert (inputs[:, height:] == 0).all() and (inputs[:, :, width:] == 0).all()
        for target in PREDEFINED.values():
            truth = sample.get(target.truth).data.movedim(0, -1).numpy()
            inside = truth[:height, :width].reshape(expected[target.array].shape)
            assert truth.shape[:2] == tuple(inputs.shape[1:])
            assert np.array_equal(inside, expected[target.array])
            assert (truth[height:] == target.invalid).all()
            assert (truth[:, width:] == target.invalid).all()
