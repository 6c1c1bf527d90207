"""A network that was trained with a range of 16-bit values reads files with that range."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest

from mtl_plugins.inference import MultiTaskInferencer, Sources
from mtl_plugins.inference.export import export
from tests.inference.conftest import images, save_run

RANGE = (
    "train_dataloader.dataset.image_range=(0,4080)",
    # PhotoMetricDistortion takes 8 bits alone.
    "train_dataloader.dataset.pipeline=[dict(type='LoadImage'),dict(type='LoadTargets'),"
    "dict(type='PhotometricJitter'),dict(type='PackTargets')]",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, scene_options):
    folder = tmp_path_factory.mktemp("run")
    checkpoint, _, _ = save_run(folder, [*scene_options, *RANGE])
    for format, suffix in (("onnx", ".onnx"), ("torch", ".pt2"), ("safetensors", ".safetensors")):
        export(checkpoint, format=format, out=str(folder / f"exported{suffix}"))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["epoch_1.pth", "exported.onnx", "exported.pt2",
                                  "exported.safetensors"])  # fmt: skip
def test_every_file_of_the_network_carries_the_range(trained, tmp_path, name):
    bytes_ = images([(64, 128)])[0]
    # Values that become exactly these bytes.
    wide = bytes_.astype(np.uint16) * 16
    cv2.imwrite(str(tmp_path / "a.png"), wide)
    inferencer = MultiTaskInferencer(trained / name, device="cpu")
    assert inferencer.metainfo["image_range"] == (0, 4080)
    (of_file,), (of_array,) = inferencer(str(tmp_path / "a.png")), inferencer(bytes_)
    assert np.array_equal(of_file.image, bytes_)
    for task, values in of_array.maps.items():
        assert np.array_equal(of_file[task], values)
    report = inferencer.save(str(tmp_path / "a.png"), tmp_path / "out")
    assert report.images == 1 and os.path.exists(tmp_path / "out" / "predictions.json")


def test_without_a_range_the_high_byte_is_read(saved, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((8, 8), 0x1234, np.uint16))
    assert MultiTaskInferencer(saved[0], device="cpu").metainfo["image_range"] is None
    (frame,) = Sources(str(tmp_path / "a.png"))
    assert (frame.image == 0x12).all()
