"""Images of extreme shapes, through a real network into files of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.datasets.files import read_image, read_map
from mtl_plugins.inference import KINDS
from mtl_plugins.models.segmentors import EXTRAS


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (10, 20_000), (20_000, 10)])
def test_extreme_shapes_are_predicted_and_drawn(tmp_path, inferencer, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    report = inferencer.save(tmp_path / "a.png", tmp_path / "out", kinds=[*{*KINDS} - {*EXTRAS}])
    assert (report.images, report.problems) == (1, [])
    assert read_map(str(tmp_path / "out" / "labels" / "a.png")).shape == size
    assert read_map(str(tmp_path / "out" / "depth" / "a.png")).shape == size
    for kind in ("panel", "overlay", "normals", "depth_color"):
        assert min(read_image(str(tmp_path / "out" / kind / "a.png")).shape[:2]) >= 1
