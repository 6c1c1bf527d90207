"""Metrics of every type of target: by hand, pooled over images, with ignored pixels, and empty."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.evaluation import (
    MTANDepthMetric,
    MultiTaskMetric,
    NormalsMetric,
    confusion_matrix,
    declared_measures,
    depth_errors,
    direction_of,
    main_measures,
    measures_of,
    semseg_scores,
    table_labels,
)
from mtl_plugins.evaluation.measure import MEASURES
from mtl_plugins.evaluation.tallies import TALLIES, sums_of
from mtl_plugins.targets import DEPTH, NORMALS, SEMSEG, Target

LANES = Target("lanes", "classes", classes=("none", "solid", "dashed", "double"))
EDGES = Target("edges", "binary")
LIDAR = Target("lidar", "scalar", distance=True, unit="m")
HEIGHT = Target("height", "scalar", unit="m")
FACES = Target("faces", "direction")
FLOW = Target("flow", "offset")
OTHERS = (LANES, EDGES, LIDAR, HEIGHT, FACES, FLOW)
NAN = math.nan


def random_maps(target, random, size=(5, 7), known=0.7):
    """Return a prediction and a truth, C,H,W arrays; a share of the pixels has truth."""
    shape = (target.channels, *size)
    if target.integer:
        guess, truth = random.integers(0, target.num_classes, (2, *shape))
    else:
        guess, truth = random.normal(size=(2, *shape)).astype(np.float32)
        if target.distance:
            guess, truth = np.exp(guess), np.exp(truth)
        if target.type == "direction":
            truth /= np.linalg.norm(truth, axis=0)
    return guess, np.where(random.random(size) < known, truth, target.invalid).astype(truth.dtype)


def sample(maps, *targets, predicted=True):
    """Return a sample with pairs of maps by target."""
    found = {target.prediction: maps[target][0] for target in targets}
    found |= {target.truth: maps[target][1] for target in targets}
    data = {key: dict(data=torch.as_tensor(values)) for key, values in found.items()}
    return dict(img_path="a.png", **data, **(dict(predicted=[*targets]) if predicted else {}))


def meta(*targets):
    return dict(targets={target.name: target.to_dict() for target in targets})


def measure(samples, *targets, metric=None, **options):
    metric = metric or MultiTaskMetric(**options)
    metric.dataset_meta = meta(*targets)
    for one in samples:
        metric.process(None, [one])
    return metric.evaluate(len(samples))


def one(target, guess, truth, **options):
    """Measure one image of one target: rows of numbers, or of vectors."""
    arrays = (torch.tensor(rows).reshape(-1, target.channels).T[:, None] for rows in (guess, truth))
    found = measure([sample({target: [*arrays]}, target)], target, **options)
    return {name.removeprefix(f"{target.name}/"): value for name, value in found.items()}


def test_a_mask_by_hand():
    # Two hits, one false alarm, one miss, two right zeros; two ignored.
    found = one(EDGES, [1, 1, 1, 0, 0, 0, 1, 0], [1, 1, 0, 1, 0, 0, 255, 255])
    assert found == dict(
        f1=pytest.approx(200 * 2 / (4 + 1 + 1)), iou=50.0, precision=pytest.approx(200 / 3),
        recall=pytest.approx(200 / 3), accuracy=pytest.approx(400 / 6),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("guess", "truth", "expected"),
    [
        ([0, 0], [0, 0], dict(f1=NAN, iou=NAN, precision=NAN, recall=NAN, accuracy=100)),
        ([0, 0], [1, 0], dict(f1=0, iou=0, precision=NAN, recall=0, accuracy=50)),
        ([1, 0], [0, 0], dict(f1=0, iou=0, precision=0, recall=NAN, accuracy=50)),
        ([1, 0], [255, 255], dict.fromkeys(("f1", "iou", "precision", "recall", "accuracy"), NAN)),
    ],
)
def test_a_mask_without_positives(guess, truth, expected):
    assert one(EDGES, guess, truth) == pytest.approx(expected, nan_ok=True)


def test_numbers_by_hand():
    # Errors 1, -3 and 0; a truth of 0 or below counts.
    found = one(HEIGHT, [1.0, -5.0, 0.5, 9.0, NAN], [0.0, -2.0, 0.5, NAN, math.inf])
    assert found == dict(
        mae=pytest.approx(4 / 3), rmse=pytest.approx(math.sqrt(10 / 3)), bias=pytest.approx(-2 / 3)
    )


def test_offsets_by_hand():
    # Distances 5, 0.5, 1 (which is not nearer than 1) and 0; a vector with one nan is unknown.
    guess = [[3.0, 4.0], [0.5, 1.0], [2.0, 0.0], [7.0, -7.0], [0.0, 0.0]]
    truth = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [7.0, -7.0], [NAN, 0.0]]
    assert one(FLOW, guess, truth) == dict(epe=6.5 / 4, within_1px=50, within_3px=75)


def test_directions_and_distances_are_those_of_the_predefined_targets():
    random = np.random.default_rng(0)
    for target, same in ((FACES, NORMALS), (LIDAR, DEPTH)):
        maps = random_maps(target, random)
        found, expected = (measure([sample({t: maps}, t)], t) for t in (target, same))
        assert {name.replace(target.name, same.name): v for name, v in found.items()} == expected


def test_every_type_has_the_measures_that_it_declares():
    assert {*MEASURES} == {*TALLIES}
    random = np.random.default_rng(0)
    maps = {target: random_maps(target, random) for target in OTHERS}
    assert {sums_of(target) for target in OTHERS} == {*TALLIES.values()}
    found = measure([sample(maps, *OTHERS)], *OTHERS)
    assert {*found} == {each.name for each in measures_of(OTHERS)}
    assert {name: direction_of(name) for name in found} == {
        each.name: each.better for each in measures_of(OTHERS)
    }
    mains = ["lanes/mIoU", "edges/f1", "lidar/si_log_rmse", "height/mae", "faces/mean_angle"]
    assert [each.name for each in main_measures(found).values()] == [*mains, "flow/epe"]
    assert list(table_labels(["flow/epe", "lanes/aAcc", "lanes/mIoU", "semseg/mIoU"]).values()) == [
        "mIoU (%)", "flow end-point error (px)", "lanes mIoU (%)", "lanes pixel accuracy (%)",
    ]  # fmt: skip
    assert direction_of("height/bias") is None
    # Of the predefined targets, what version 0.1 declared.
    names = [each.name for each in declared_measures() if not each.name.startswith("mtan")]
    assert names == [each.name for each in measures_of([NORMALS, DEPTH, SEMSEG])]


@pytest.mark.parametrize("target", OTHERS, ids=lambda target: target.name)
def test_pooled_images_are_one_image_and_pixels_without_truth_do_not_count(target):
    random = np.random.default_rng(1)
    pairs = [random_maps(target, random) for _ in range(4)]
    pooled = measure([sample({target: pair}, target) for pair in pairs], target)
    joined = [np.concatenate(maps, 1) for maps in zip(*pairs, strict=True)]
    if target is not LIDAR:  # a mean over images
        together = measure([sample({target: joined}, target)], target)
        assert together == pytest.approx(pooled, rel=1e-9)
    unknown = ~target.known_pixels(torch.as_tensor(joined[1])).numpy()
    assert unknown.any() and not unknown.all()
    wrong = 1 if target.integer else NAN
    changed = np.where(unknown, np.array(wrong, joined[0].dtype), joined[0])
    expected = measure([sample({target: joined}, target)], target)
    assert measure([sample({target: (changed, joined[1])}, target)], target) == expected


@pytest.mark.parametrize("target", OTHERS, ids=lambda target: target.name)
def test_images_without_truth_are_left_out(target):
    random = np.random.default_rng(2)
    images = [sample({target: random_maps(target, random)}, target) for _ in range(2)]
    empty = sample({target: random_maps(target, random, known=0)}, target)
    expected = measure(images, target)
    counted = {} if target.integer else {f"{target.name}/images_without_{target.name}": 1}
    assert measure([*images, empty], target) == {**expected, **counted}
    alone = measure([empty], target)
    assert {*alone} == {*expected, *counted}
    assert all(math.isnan(alone[name]) for name in expected)


@pytest.mark.parametrize("target", [HEIGHT, FLOW, FACES, LIDAR], ids=lambda target: target.name)
def test_broken_predictions_and_shapes_are_refused(target):
    guess, truth = random_maps(target, np.random.default_rng(3), known=1)
    for value in (math.nan, math.inf):
        broken = guess.copy()
        broken[0, 0, 0] = value
        with pytest.raises(DataError, match=r"a\.png: .*nan or infinite at 1 of 35.*diverged"):
            measure([sample({target: (broken, truth)}, target)], target)
    with pytest.raises(DataError, match=r"a\.png: The predict.*shape .*at the size of the truth"):
        measure([sample({target: (guess[:, :2], truth)}, target)], target)


def test_two_class_lists_in_one_sample():
    random = np.random.default_rng(4)
    semseg = Target("semseg", "classes", classes=("road", "sky"))
    maps = {target: random_maps(target, random) for target in (LANES, semseg)}
    metric = MultiTaskMetric(absent=dict(lanes="zero"))
    found = measure([sample(maps, LANES, semseg)], semseg, LANES, metric=metric)
    for target in maps:
        confusion = confusion_matrix(*map(torch.as_tensor, maps[target]), target.num_classes)
        scores = semseg_scores(confusion, "zero" if target is LANES else "skip")
        assert {name: found[f"{target.name}/{name}"] for name in scores} == scores
        assert torch.equal(metric.confusions[target.name], confusion)
        assert tuple(row.name for row in metric.classes[target.name]) == target.classes
    # The first one of the network.
    assert torch.equal(metric.confusion, metric.confusions["lanes"])
    assert metric.per_class == metric.classes["lanes"] and metric.distance_errors is None


def test_more_than_255_classes():
    wide = Target("parts", "classes", classes=tuple(f"part {index}" for index in range(300)))
    truth = torch.tensor([[[0, 255, 299, 65535]]])
    for dtype in (torch.int64, torch.int32, torch.uint16):
        maps = {wide: (torch.tensor([[[0, 255, 1, 2]]]), truth.to(dtype))}
        assert measure([sample(maps, wide)], wide)["parts/aAcc"] == pytest.approx(200 / 3)


def test_the_network_says_what_is_predicted_and_the_data_set_what_it_means():
    random = np.random.default_rng(5)
    second = DEPTH.learned_by("again")
    semseg = Target("semseg", "classes", classes=("road", "sky"))
    maps = {SEMSEG: random_maps(semseg, random), DEPTH: random_maps(DEPTH, random)}
    maps[second] = (maps[DEPTH][0] * 2, maps[DEPTH][1])
    # The head's target has no class names.
    found = measure([sample(maps, second, SEMSEG, DEPTH)], semseg, DEPTH, max_depth=dict(again=2.0))
    expected = depth_errors(*(torch.as_tensor(values) for values in maps[second]), max_depth=2.0)
    assert {name: found[f"again/{name}"] for name in expected} == expected
    expected = depth_errors(*(torch.as_tensor(values) for values in maps[DEPTH]))
    assert {name: found[f"depth/{name}"] for name in expected} == expected
    assert "multitask/score" in found
    # A truth that is not predicted is not measured; without a list all that is there is.
    only = sample(maps, SEMSEG, DEPTH)
    only["predicted"] = [DEPTH]
    assert not any(name.startswith("semseg") for name in measure([only], semseg, DEPTH))
    del only["predicted"]
    assert "multitask/score" in measure([only], semseg, DEPTH)
    with pytest.raises(DataError, match=r"'semseg' has no 'classes'.*dataset_meta"):
        measure([sample(maps, SEMSEG)], SEMSEG)


def test_tasks_restrict_and_require():
    random = np.random.default_rng(6)
    maps = {target: random_maps(target, random) for target in OTHERS}
    found = measure([sample(maps, *OTHERS)], *OTHERS, tasks=["flow", "edges"])
    assert {name.partition("/")[0] for name in found} == {"flow", "edges"}
    lacking = sample(maps, *OTHERS)
    del lacking["gt_flow_map"]
    assert not any(name.startswith("flow") for name in measure([lacking], *OTHERS))
    with pytest.raises(DataError, match=r"lacks \['gt_flow_map'\].*must measure 'flow'"):
        measure([lacking], *OTHERS, tasks=["flow"])
    for options in (dict(tasks=["flw"]), dict(max_depth=dict(flw=80))):
        with pytest.raises(ConfigError, match=r"names the target 'flw'\. Did you mean flow\?"):
            MultiTaskMetric.measures_for(OTHERS, options)
    assert [each.name for each in MultiTaskMetric.measures_for(OTHERS, dict(tasks=["edges"]))] == [
        each.name for each in measures_of([EDGES])
    ]


def test_metrics_of_one_type():
    random = np.random.default_rng(7)
    maps = {target: random_maps(target, random) for target in (*OTHERS, DEPTH)}
    both = sample(maps, *OTHERS, DEPTH)
    found = measure([both], *OTHERS, DEPTH, metric=NormalsMetric())
    assert {name.partition("/")[0] for name in found} == {"faces"}
    first, named = (
        measure([both], *OTHERS, DEPTH, metric=MTANDepthMetric(target=name))
        for name in (None, "depth")
    )
    assert first == measure([sample(maps, LIDAR)], LIDAR, metric=MTANDepthMetric())
    assert named == measure([sample(maps, DEPTH)], DEPTH, metric=MTANDepthMetric())
    assert first != named and {*first} == {"mtan/abs_err", "mtan/rel_err"}
    with pytest.raises(DataError, match="lacks a distance"):
        measure([sample(maps, FLOW)], FLOW, metric=MTANDepthMetric())
    with pytest.raises(DataError, match=r"None of 1 samples .*\('direction',\)"):
        measure([sample(maps, FLOW)], FLOW, metric=NormalsMetric())


def test_works_in_mmengines_evaluator():
    random = np.random.default_rng(8)
    maps = {target: random_maps(target, random) for target in OTHERS}
    raw = sample(maps, *OTHERS)
    data = SegDataSample(metainfo=dict(img_path="a.png", predicted=raw["predicted"]))
    for key, values in raw.items():
        if isinstance(values, dict):
            data.set_data({key: PixelData(data=values["data"])})
    evaluator = Evaluator([MultiTaskMetric()])
    evaluator.dataset_meta = meta(*OTHERS)
    evaluator.process([data])
    assert evaluator.evaluate(1) == measure([raw], *OTHERS)
