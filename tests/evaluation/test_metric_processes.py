"""The metrics of two to four processes equal those of one, for any number of images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler

from mtl_plugins.evaluation import MTANDepthMetric, MultiTaskMetric
from mtl_plugins.targets import targets_in
from tests.evaluation import test_multi_task_metric, test_normals_metric, test_types
from tests.ranks import run_ranks

SIZES = (1, 2, 5, 7)
FURTHER = (test_types.LANES, test_types.EDGES, test_types.HEIGHT, test_types.FLOW)
PREDICTED = [*targets_in(test_multi_task_metric.META).values(), *FURTHER]


def sample(index):
    """Return the sample of an index with targets of all types, the same in every process."""
    maps = test_multi_task_metric.sample(index)
    if index == 1:
        maps["gt_depth_map"]["data"] *= 0
    random = np.random.default_rng(index)
    further = {target: test_types.random_maps(target, random) for target in FURTHER}
    others = test_types.sample(further, *FURTHER)
    if index == 2:
        del others["gt_flow_map"]
    predicted = dict(predicted=PREDICTED)
    return {**others, **test_normals_metric.random_sample(index), **maps, **predicted}


def measured(indices, size):
    """Return scores and details of images of a data set of a size."""
    metrics = [MultiTaskMetric(), MTANDepthMetric()]
    scores = {}
    for metric in metrics:
        metric.per_image = True
        metric.dataset_meta = test_types.meta(*PREDICTED)
        for start in range(0, len(indices), 2):
            metric.process(None, [sample(index) for index in indices[start : start + 2]])
        scores |= metric.evaluate(size)
    details = metrics[0]
    return dict(
        scores=scores,
        confusions=[each.tolist() for each in details.confusions.values()],
        classes=[list(row)[1:] for rows in details.classes.values() for row in rows],
        distances=details.errors_by_distance,
        images=[
            [int(path[len("image_") : -len(".png")]), *scores.values()]
            for metric in metrics
            for path, scores in metric.image_scores
        ],
    )


def rank_main(rank, folder):
    torch.distributed.init_process_group("gloo")
    # All samples of a rank are measured, repetitions included, as mmengine does.
    found = {
        size: measured([*DefaultSampler(range(size), shuffle=False, seed=0)], size)
        for size in SIZES
    }
    torch.save(found, folder / f"rank_{rank}.pt")
    torch.distributed.destroy_process_group()


def assert_close(found, expected):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        found, expected = [*found.values()], [*expected.values()]
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for pair in zip(found, expected, strict=True):
            assert_close(*pair)
    else:
        assert found == pytest.approx(expected, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("world", [2, 3, 4])
def test_several_processes_measure_the_same_as_one(tmp_path, world):
    codes, output = run_ranks(world, rank_main, tmp_path, tmp_path)
    assert codes == [0] * world, output
    for rank in range(world):
        found = torch.load(tmp_path / f"rank_{rank}.pt")
        for size in SIZES:
            assert_close(found[size], measured(range(size), size))


def test_a_repeated_image_would_change_every_metric():
    once, twice = (measured([*range(5), *more], 5 + len(more))["scores"] for more in ([], [0]))
    assert once.keys() == twice.keys()
    changed = [name for name in once if once[name] != pytest.approx(twice[name], rel=1e-6)]
    assert {name.partition("/")[0] for name in changed} == {
        "semseg", "depth", "normals", "mtan", "multitask", "lanes", "edges", "height", "flow",
    }  # fmt: skip
