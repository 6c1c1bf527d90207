"""Statistics of depth against NumPy over all pixels at once, and the command."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

from mtl_plugins.config import build_dataset, load_config
from mtl_plugins.data_tools import measure_depth, report_depth_statistics, split_depth_statistics
from mtl_plugins.data_tools.depth_statistics import DepthTally
from mtl_plugins.datasets import TargetReader
from mtl_plugins.errors import ConfigError, DataError
from tests.commands import call
from tests.conftest import ROOT

BRANCHED = os.path.join(ROOT, "configs", "mtl_branched.py")


def assert_statistics(result, depth, pixels):
    """Assert that statistics are those of all valid depths in one array."""
    logs = np.log(depth.astype(np.float64))
    assert result.log_mean == pytest.approx(logs.mean(), rel=1e-12)
    assert result.log_std == pytest.approx(logs.std(), rel=1e-9)
    assert (result.min_depth, result.max_depth) == (depth.min(), depth.max())
    for percent in (1, 50, 99):
        # A value of a pixel, not one interpolated between two; accurate to half a bin.
        expected = np.percentile(depth, percent, method="inverted_cdf")
        found = getattr(result, f"percentile_{percent}")
        assert found == pytest.approx(expected, rel=6e-4)
    assert (result.valid_pixels, result.pixels) == (depth.size, pixels)


@pytest.mark.parametrize(("centre", "spread"), [(2.5, 1.0), (5.0, 1e-4), (-3.0, 2.0)])
def test_equal_to_numpy_over_all_pixels(centre, spread):
    rng = np.random.default_rng(0)
    sizes = [(5, 7), (40, 30), (1, 1), (64, 64)]
    maps = [np.exp(rng.normal(centre, spread, size)).astype(np.float32) for size in sizes]
    pixels = np.concatenate([depth.ravel() for depth in maps])
    assert_statistics(measure_depth(iter(maps)), pixels, pixels.size)


def test_invalid_pixels_and_images_without_depth_are_left_out():
    bad = np.array([[0, -1, np.nan, np.inf, 4.0]], np.float32)
    maps = [bad, None, np.zeros((2, 3), np.float32), np.array([[1.0]], np.float32)]
    assert_statistics(measure_depth(maps), np.array([4.0, 1.0], np.float32), 12)


def test_the_smallest_and_largest_floats_have_a_bin():
    ends = np.array([[2.0**-149, np.finfo(np.float32).max]], np.float32)
    assert_statistics(measure_depth([ends]), ends.ravel(), 2)


@pytest.mark.parametrize("maps", [[], [None], [np.zeros((2, 2), np.float32)]])
def test_maps_without_valid_depth_are_refused(maps):
    with pytest.raises(DataError, match="has a valid pixel"):
        measure_depth(maps)


def test_depth_is_counted_in_spans_of_equal_ratios():
    tally = DepthTally()
    assert tally.spans(3) == []
    tally.add(np.array([[0.0, 1.0, 1.5, 12.0, 90.0, 100.0, 100.0]]))
    spans = tally.spans(2)
    assert [pixels for *_, pixels in spans] == [2, 4]
    (first, middle, _), (again, last, _) = spans
    assert (first, last) == (1, 100) and middle == again == pytest.approx(10, rel=2e-3)
    one = DepthTally()
    one.add(np.full((2, 2), 3.0))
    assert one.spans(5) == [(3.0, 3.0, 4)]


def test_a_split_without_depth_or_data_is_refused(tmp_path):
    (tmp_path / "rgb").mkdir()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "rgb" / "a.png")
    dataset = dict(
        type="MultiTaskDataset", data_root=str(tmp_path), img_suffix=".png",
        data_prefix=dict(img_path="rgb"), metainfo=dict(classes=("road",)), pipeline=[],
    )  # fmt: skip
    config = Config(dict(train_dataloader=dict(dataset=dataset)))
    with pytest.raises(DataError, match="None of 0 depth maps"):
        split_depth_statistics(config, "train")
    with pytest.raises(ConfigError, match="no test_dataloader"):
        split_depth_statistics(config, "test")


def test_the_printed_line_is_a_codec(capsys):
    maps = [np.exp(np.random.default_rng(1).normal(2, 1, (50, 50)))]
    statistics = measure_depth(maps)
    report_depth_statistics(statistics, "train")
    line = capsys.readouterr().out.splitlines()[-1]
    codec = MODELS.build(eval(line.removeprefix("codec=")))
    assert codec.log_mean == pytest.approx(statistics.log_mean, rel=1e-5)
    assert codec.log_std == pytest.approx(statistics.log_std, rel=1e-5)


def test_command_counts_every_pixel_of_the_split(tmp_path, scene_options):
    file = str(tmp_path / "made" / "depth.json")
    result = call(
        "depth_statistics.py", "configs/mtl_branched.py", "--split", "val", "--json", file,
        "--cfg-options", *scene_options,
    )  # fmt: skip
    reader = TargetReader(build_dataset(load_config(BRANCHED, scene_options), "val"))
    depth = np.concatenate([maps["depth"].ravel() for maps in reader])
    valid = np.log(depth[depth > 0].astype(np.float64))
    with open(file, encoding="utf-8") as text:
        written = json.load(text)
    assert written["log_mean"] == pytest.approx(valid.mean())
    assert written["log_std"] == pytest.approx(valid.std())
    assert written["valid_pixels"] == valid.size and written["pixels"] == depth.size
    assert written["codec"] in result.stdout
    assert "type='LogNormalizedCodec'" in written["codec"]
