"""Mosaics of four samples."""

import numpy as np
import pytest
import torch
from mmseg.registry import TRANSFORMS

from mtl_plugins.datasets import SampleIndex
from mtl_plugins.errors import ConfigError, DataError
from tests.datasets.transforms.boards import (
    BOARDS,
    SIZE,
    TARGETS,
    checkerboards,
    dataset_of,
    flat_boards,
    loaded,
    sample,
)


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    return checkerboards(tmp_path_factory.mktemp("boards"))


@pytest.fixture(scope="module")
def flats(tmp_path_factory):
    return flat_boards(tmp_path_factory.mktemp("flats"))


def test_a_mosaic_is_four_samples_around_its_centre(flats):
    mosaic = dict(type="MosaicTargets", size=(8, 12), center_range=(0.25, 0.25), prob=1.0)
    dataset = loaded(flats, mosaic)
    seen = set()
    for seed in range(12):
        labels = dataset[SampleIndex(seed % 4, (0, 0, seed))]["gt_seg_map"]
        quarters = labels[:2, :3], labels[:2, 3:], labels[2:, :3], labels[2:, 3:]
        assert all((quarter == quarter[0, 0]).all() for quarter in quarters)
        assert labels[0, 0] == seed % 4, "the first is the sample itself"
        seen |= {int(quarter[0, 0]) for quarter in quarters[1:]}
    assert seen == {0, 1, 2, 3}


def test_a_mosaic_shows_its_samples_anywhere(boards):
    dataset = loaded(boards, dict(type="MosaicTargets", size=(2, 2), prob=1.0))
    corners = [dataset[SampleIndex(0, (0, 0, n))]["gt_seg_map"][0, 0] for n in range(40)]
    assert set(corners) == set(range(8))


def test_a_mosaic_does_not_depend_on_what_was_loaded_before(boards):
    pipeline = [
        dict(type="RandomCrop", crop_size=(40, 60)),
        dict(type="MosaicTargets", prob=0.8),
        dict(type="FlipTargets", prob=0.5),
        dict(type="PackTargets"),
    ]
    first, second = loaded(boards, *pipeline), loaded(boards, *pipeline)
    keys = [SampleIndex(i, (5, epoch, i)) for epoch in range(2) for i in range(BOARDS)]
    there = {key.key: first[key] for key in keys}
    second[0]
    np.random.seed(99)
    for key in reversed(keys):
        again, once = second[key], there[key.key]
        assert torch.equal(again["inputs"], once["inputs"])
        for target in TARGETS:
            a, b = (s["data_samples"].get(target.truth).data for s in (again, once))
            assert torch.equal(a.nan_to_num(-7), b.nan_to_num(-7))
    assert not torch.equal(there[5, 0, 1]["inputs"], there[5, 1, 1]["inputs"])


def test_a_mosaic_with_a_bad_sample_is_a_bad_sample(boards, tmp_path):
    config = dataset_of(tmp_path / "own", [np.full(SIZE, index) for index in range(BOARDS)])
    path = tmp_path / "own" / "rgb" / "2.png"
    path.write_bytes(path.read_bytes()[:50])
    pipeline = [dict(type="MosaicTargets", prob=1.0), dict(type="PackTargets")]
    keys = [SampleIndex(0, (0, 0, number)) for number in range(8)]
    with pytest.raises(DataError, match=r"2\.png cannot be read"):
        strict = loaded(config, *pipeline)
        [strict[key] for key in keys]
    skipping = loaded(dict(config, on_bad_sample="skip"), *pipeline)
    samples = [skipping[key]["data_samples"] for key in keys]
    messages = [message for s in samples for message in s.metainfo.get("skipped", ())]
    assert messages and all("2.png cannot be read" in message for message in messages)
    assert not any((s.gt_sem_seg.data == 2).any() for s in samples)


def test_a_target_that_one_sample_lacks_is_new_area_in_its_quarter(flats):
    dataset = loaded(flats, dict(type="MosaicTargets", center_range=(0.5, 0.5), prob=1.0))
    own = dataset.get_data_info(0)
    del own["depth_map_path"]
    results = dataset.pipeline(own)
    depth = results["gt_depth_map"]
    assert (depth[:32, :48] == 0).all() and (depth[32:, 48:] > 0).mean() > 0.9
    assert results["gt_seg_map"][0, 0] == 0


def test_a_mosaic_outside_a_data_sets_pipeline_is_refused(boards):
    mosaic = dict(type="MosaicTargets", prob=1.0)
    nested = dict(type="RandomApply", transforms=[mosaic], prob=1.0)
    with pytest.raises(ConfigError, match="not into RandomApply"):
        loaded(boards, nested)[0]
    with pytest.raises(ConfigError, match="no data set"):
        TRANSFORMS.build(mosaic)(sample(4, 4))
