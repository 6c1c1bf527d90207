"""What a sensor or renderer does not reach is not measured, in every known data set."""

from __future__ import annotations

import numpy as np
import pytest
from mmseg.registry import DATASETS

import mtl_plugins.datasets.catalog as catalog
from mtl_plugins.datasets import MultiTaskDataset
from mtl_plugins.street_scenes import write_street_scenes
from tests.datasets import layouts

NAMES = {
    name: found
    for name, found in vars(catalog).items()
    if isinstance(found, type) and issubclass(found, MultiTaskDataset)
}
STEPS = np.arange(12)
"""A far plane comes out some raw steps short of the largest value."""

CASES = dict(
    CityscapesMultiTask=(layouts.write_cityscapes, {}, np.r_[1 + STEPS, 200], [257, 2561, 32000]),
    KittiMultiTask=(layouts.write_kitti, {}, 65535 - STEPS, [256, 20480]),
    NYUDMultiTask=(layouts.write_nyud, {}, np.array([10, 10.5, np.inf], np.float32), [0.713, 9.99]),
    NYUv2MultiTask=(layouts.write_nyuv2, {}, np.r_[10000 + STEPS, 65535 - STEPS], [713, 9995]),
    ShiftMultiTask=(layouts.write_shift, {}, 16777215 - STEPS, [65536, 16000000]),
    StreetScenesDataset=(None, {}, 65535 - STEPS, [550, 59900]),
    SynscapesMultiTask=(
        layouts.write_synscapes,
        {},
        np.array([999.99, 1000, 1001, 5e4, np.inf], np.float32),
        [12.5, 900],
    ),
    VirtualKitti2MultiTask=(layouts.write_vkitti2, {}, 65535 - STEPS, [1250, 60000]),
)
"""Data set -> writer of its files, arguments, raw values out of reach, raw values within."""


WITHOUT_DEPTH = {"PascalContextMultiTask"}


def test_every_known_data_set_has_a_case():
    assert {*NAMES} == {*CASES} | WITHOUT_DEPTH


@pytest.mark.parametrize("name", CASES)
def test_the_sky_is_not_measured(tmp_path, name):
    write, options, beyond, within = CASES[name]
    if write is None:
        options = dict(split="train", counts=dict(train=1), size=(16, 32))
        write_street_scenes(str(tmp_path), options["counts"], options["size"])
    else:
        write(str(tmp_path))
    dataset = DATASETS.build(dict(type=name, data_root=str(tmp_path), pipeline=[], **options))
    path = dataset.get_data_info(0)["depth_map_path"]
    decode = dataset.formats["depth"].for_file(path)
    for values, measured in ((np.asarray(beyond), False), (np.asarray(within), True)):
        raw = values[None]
        if decode.channels == 3:
            raw = np.stack([raw // 256**i % 256 for i in range(3)], -1).astype(np.uint8)
        elif raw.dtype.kind == "i":
            raw = raw.astype(np.uint16)
        depth = decode(raw, path)
        assert ((depth > 0) == measured).all(), (values, depth)
        assert depth.max() < 1000
