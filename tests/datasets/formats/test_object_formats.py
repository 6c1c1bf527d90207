"""Outlines and centres from ids: they mirror and scale with the picture, whole maps alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mtl_plugins.datasets import CentreFormat, OutlineFormat, pack_dataset, target_breach
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.targets import Target
from tests.properties import PROPERTY

EDGES, CENTRES = Target("edges", "binary"), Target("centres", "offset")
DIRECTIONS = dict(horizontal=np.fliplr, vertical=np.flipud, diagonal=lambda ids: ids[::-1, ::-1])


@st.composite
def id_maps(draw):
    """Draw a map of ids whose objects are rectangles over one another; 0 is none of them."""
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    ids = np.zeros((height, width), np.uint16)
    for number in draw(st.permutations([1, 2, 7, 300, 65535])):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        ids[top : draw(st.integers(top, height)), left : draw(st.integers(left, width))] = number
    return ids


def sample(ids):
    """A sample with both targets, decoded from one map."""
    arrays = dict(gt_edges_map=OutlineFormat()(ids), gt_centres_map=CentreFormat()(ids))
    image = np.zeros((*ids.shape, 3), np.uint8)
    shape = dict(img_shape=ids.shape, ori_shape=ids.shape)
    fields = dict(seg_fields=[*arrays], targets=[EDGES, CENTRES])
    return dict(img=image, **shape, **arrays, **fields)


@PROPERTY
@given(id_maps())
def test_every_pixel_points_to_the_mean_place_of_its_object(ids):
    offsets = CentreFormat()(ids)
    assert target_breach(CENTRES, offsets) is None
    assert np.array_equal(np.isnan(offsets).any(-1), ids == 0)
    for number in {*np.unique(ids).tolist()} - {0}:
        rows, columns = np.nonzero(ids == number)
        ends = offsets[rows, columns] + np.stack([columns, rows], 1)
        np.testing.assert_allclose(ends - [columns.mean(), rows.mean()], 0, atol=1e-4)


@PROPERTY
@given(id_maps())
def test_outlines_are_the_pixels_with_another_neighbour(ids):
    edges = OutlineFormat(invalid=(300,))(ids)
    assert target_breach(EDGES, edges) is None
    for row, column in np.ndindex(*ids.shape):
        near = [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
        inside = [p for p in near if 0 <= p[0] < ids.shape[0] and 0 <= p[1] < ids.shape[1]]
        differs = any(ids[place] != ids[row, column] for place in inside)
        assert edges[row, column] == (255 if ids[row, column] == 300 else differs)
    thinned = OutlineFormat(thinned=True)(ids)
    assert target_breach(EDGES, thinned) is None
    assert (thinned <= OutlineFormat()(ids)).all()


@PROPERTY
@given(id_maps(), st.sampled_from([*DIRECTIONS]))
def test_flips_commute_with_decoding(ids, direction):
    flip = TRANSFORMS.build(dict(type="FlipTargets", prob=1.0, direction=direction))
    flipped, expected = flip(sample(ids)), sample(DIRECTIONS[direction](ids))
    assert np.array_equal(flipped["gt_edges_map"], expected["gt_edges_map"])
    np.testing.assert_allclose(flipped["gt_centres_map"], expected["gt_centres_map"], atol=1e-4)


@PROPERTY
@given(id_maps(), st.integers(2, 4), st.sampled_from(["ResizeTargets", "ZoomTargets"]))
def test_enlarging_commutes_with_decoding_to_a_pixel_of_the_file(ids, factor, kind):
    """A pixel becomes several, of which each is nearer to the centre or farther from it."""
    size = ids.shape[1] * factor, ids.shape[0] * factor
    arguments = dict(scale=size) if kind == "ResizeTargets" else dict(factor=float(factor))
    resized = TRANSFORMS.build(dict(type=kind, **arguments))(sample(ids))
    expected = sample(ids.repeat(factor, axis=0).repeat(factor, axis=1))
    distance = resized["gt_centres_map"] - expected["gt_centres_map"]
    assert np.array_equal(np.isnan(distance).any(-1), np.isnan(expected["gt_centres_map"]).any(-1))
    assert np.nan_to_num(np.abs(distance)).max() <= (factor - 1) / 2 + 1e-3
    # A thicker line has the lines of the enlarged file inside.
    assert (expected["gt_edges_map"] <= resized["gt_edges_map"]).all()


FORMATS = dict(edges=dict(type="OutlineFormat", thinned=True), centres=dict(type="CentreFormat"))


@pytest.fixture
def source(tmp_path):
    """A data set whose ids make both targets, and labels; three samples."""
    random = np.random.default_rng(0)
    for folder in ("rgb", "ids"):
        (tmp_path / folder).mkdir()
    for index in range(3):
        ids = random.integers(0, 3, (4, 6)).repeat(8, axis=0).repeat(8, axis=1).astype(np.uint8)
        Image.fromarray(random.integers(0, 256, (32, 48, 3), np.uint8)).save(
            tmp_path / "rgb" / f"{index}.png"
        )
        Image.fromarray(ids).save(tmp_path / "ids" / f"{index}.png")
    targets = {
        name: dict(type=kind, folder="ids", format=FORMATS[name])
        for name, kind in dict(edges="binary", centres="offset").items()
    }
    targets["semseg"] = dict(folder="ids", classes=("a", "b", "c"))
    return dict(
        type="MultiTaskDataset", data_root=str(tmp_path), data_prefix=dict(img_path="rgb"),
        img_suffix=".png", targets=targets, serialize_data=False,
    )  # fmt: skip


CROP = dict(type="CenterCropTargets", crop_size=(12, 20))
WHOLE = [dict(type="LoadImage"), dict(type="LoadTargets"), CROP]
LATE = [
    dict(type="LoadImage"), dict(type="LoadTargets", decode=False), CROP, dict(type="DecodeTargets")
]  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
def test_they_are_decoded_before_a_crop_wherever_decoding_is_asked_for(source, tmp_path, packed):
    expected = [*DATASETS.build(dict(source, pipeline=WHOLE))]
    config = source
    if packed:
        folder = str(tmp_path / "packed")
        plain = DATASETS.build(dict(source, pipeline=[]))
        assert pack_dataset(plain, folder, dict(source)) == []
        config = dict(type="PackedDataset", data_root=folder)
    for pipeline in (WHOLE, LATE):
        for found, whole in zip(
            DATASETS.build(dict(config, pipeline=pipeline)), expected, strict=True
        ):
            for key in ("gt_edges_map", "gt_centres_map", "gt_seg_map"):
                assert np.array_equal(found[key], whole[key], equal_nan=key == "gt_centres_map")
                assert found[key].shape[:2] == (12, 20)


def test_wrong_arguments_are_refused():
    with pytest.raises(DataError, match="invalid="):
        CentreFormat(invalid=("x",))
    wrong = dict(type="binary", folder="ids", format=dict(type="OutlineFormat", thin=True))
    with pytest.raises(ConfigError, match=r"targets\.edges has no 'thin'.*thinned"):
        DATASETS.build(dict(type="MultiTaskDataset", targets=dict(edges=wrong), pipeline=[]))
