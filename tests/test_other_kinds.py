"""Kinds of target that come from outside work in every place, without a line of ours changed."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS
from mmseg.structures import SegDataSample
from PIL import Image

from mtl_plugins import MultiTaskInferencer, build, evaluate
from mtl_plugins.config import final_config
from mtl_plugins.config.final import measured_names
from mtl_plugins.data_tools import browse_data, report_data_check
from mtl_plugins.datasets import DepthFormat, ValueFormat, pack_dataset, register_format
from mtl_plugins.datasets.files import read_map
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.evaluation import Measure, delta_m, direction_of, main_measures
from mtl_plugins.evaluation.measure import declare_measures
from mtl_plugins.inference.export.agreement import compare
from mtl_plugins.models.preprocessing.device_augmentation import flip_on_device
from mtl_plugins.report import metrics_table
from mtl_plugins.targets import DENSE_TARGETS, DenseTarget, register_target
from mtl_plugins.visualization import (
    INVALID_COLOR,
    Style,
    TaskMaps,
    load_maps,
    paint_row,
    register_painter,
    save_maps,
)  # fmt: skip
from mtl_plugins.visualization.painters import PAINTERS
from tests.batches import step
from tests.other_kinds import (
    COUNT,
    FLOW,
    SHADE,
    SIZE,
    config,
    dataset,
    registered_kinds,
    write_files,
)


@pytest.fixture(autouse=True)
def _kinds():
    with registered_kinds():
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other") / "data"
    write_files(folder)
    return folder


def loaded(root, *transforms, **options):
    return DATASETS.build(dataset(root, *transforms, **options))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (dict(kind="shade", invalid=0.0), "kind 'shade' is taken"),
        (dict(kind="other", invalid=0.0, path="shade_map_path"), "key 'shade_map_path'"),
        (dict(kind="other", invalid=0.0, truth="gt_sem_seg"), "key 'gt_sem_seg'"),
        (dict(kind="other", invalid=0.0, array="img"), "key 'img'"),
        (dict(kind="no name", invalid=0.0), "an identifier"),
        (dict(kind="multitask", invalid=0.0), "not 'multitask'"),
        (dict(kind="other", invalid=float("nan")), "a finite invalid value"),
        (dict(kind="other", invalid=0.0, vector=True), "two of a vector"),
        (dict(kind="other", invalid=0.0, path="others"), "ends in _path"),
    ],
)
def test_targets_that_collide_are_refused(target, message):
    before = dict(DENSE_TARGETS)
    with pytest.raises(ConfigError, match=message):
        register_target(DenseTarget(**target))
    assert before == DENSE_TARGETS and register_target(SHADE) is SHADE


def test_files_become_values(root):
    sample = loaded(root)[0]
    raw = np.asarray(Image.open(root / "shade" / "0.png"))
    assert (sample["gt_shade_map"][:2] == SHADE.invalid).all()
    np.testing.assert_allclose(sample["gt_shade_map"][2:], raw[2:] / 200, rtol=1e-6)
    flow = sample["gt_flow_map"]
    assert flow.shape == (*SIZE, 2) and (flow[:, :2] == FLOW.invalid).all()
    assert np.array_equal(flow[:, 2:], np.load(root / "flow" / "0.npy")[:, 2:])


def test_every_transform_moves_them(root):
    flow = loaded(root)[0]["gt_flow_map"]
    flipped = loaded(root, dict(type="FlipTargets", prob=1.0))[0]["gt_flow_map"]
    valid = (flow != FLOW.invalid).all(-1)
    turned = np.where(valid[..., None], flow * (-1, 1), FLOW.invalid)[:, ::-1]
    assert np.array_equal(flipped, turned.astype(np.float32))
    on_device = loaded(
        root, dict(type="FlipTargets", prob=1.0, on_device=True), dict(type="PackTargets")
    )[0]
    flip_on_device([on_device["inputs"]], [on_device["data_samples"]])
    assert np.array_equal(on_device["data_samples"].gt_flow_map.data.movedim(0, 2), flipped)
    moves = [
        dict(type="RotateTargets", degree=20.0, prob=1.0),
        dict(type="ZoomTargets", factor=0.5),
        dict(type="PadTargets", size=(40, 80)),
        dict(type="EvaluationCrop", rows=(0, 20), columns=(0, 40)),
    ]
    before = loaded(root)[0]
    for move in moves:
        sample = loaded(root, move)[0]
        for target in (SHADE, FLOW):
            array = sample[target.array]
            assert array.shape[:2] == sample["img"].shape[:2]
            known = before[target.array]
            # New area is invalid; nothing is mixed of valid and invalid values.
            assert (array == target.invalid).mean() > (known == target.invalid).mean() / 2
            if target is SHADE:
                assert np.isin(array, known).all()
    cropped = loaded(root, moves[-1])[0]
    assert (cropped["gt_shade_map"][20:] == SHADE.invalid).all()
    mosaic = loaded(root, dict(type="MosaicTargets", prob=1.0))[0]
    assert mosaic["gt_flow_map"].shape == (*SIZE, 2)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ("Pad", "leave flow behind.*PadTargets"),
        ("PackSegInputs", "leave flow behind.*PackTargets"),
        ("RandomFlip", "leave flow behind, or do not turn.*FlipTargets"),
    ],
)
def test_transforms_that_would_break_them_are_refused(root, transform, message):
    options = dict(RandomFlip=dict(prob=0.5), Pad=dict(size=(64, 64))).get(transform, {})
    with pytest.raises(ConfigError, match=message):
        loaded(root, dict(type=transform, **options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(target_formats=dict(shade=dict(scael=2))), r"target_formats.shade .*'scael'.*scale"),
        (dict(target_formats=dict(depth=dict(scale=2))), "'depth', which has arguments of its own"),
        (dict(target_suffixes=dict(shadow=".png")), "'shadow', which is no registered.*shade"),
        (dict(target_formats=dict(shade=dict(scale=0))), "a finite scale that is not 0"),
    ],
)  # fmt: skip
def test_formats_that_cannot_be_are_refused(root, options, message):
    with pytest.raises((ConfigError, DataError), match=message):
        DATASETS.build(dict(dataset(root), **options))


def test_values_are_written_as_they_are_read():
    for form in (ValueFormat("shade", 1 / 200, invalid=(255, 0)), ValueFormat("shade", 2.0, -7.0)):
        values = np.linspace(0.1, 1.2, 50, dtype=np.float32).reshape(5, 10) * 200 * form.scale
        back = form(form.encode(values))
        assert np.abs(back - values).max() <= form.scale * 0.51
    # The nearest raw value that means something.
    assert ValueFormat("shade", invalid=(0, 1)).encode(np.array([[0.2, 1e9]])).tolist() == [
        [2, 65535]
    ]
    with pytest.raises(ConfigError, match="'depth' has a format already"):
        register_format("depth", ValueFormat)
    with pytest.raises(ConfigError, match="'shadow' is not registered"):
        register_format("shadow", DepthFormat)
    with pytest.raises(ConfigError, match="no dataclass"):
        register_format("shade", int)


def test_packed_samples_are_the_same(root, tmp_path):
    pack_dataset(loaded(root), str(tmp_path / "packed"), {})
    pipeline = loaded(root).pipeline.transforms
    packed = DATASETS.build(
        dict(type="PackedDataset", data_root=str(tmp_path / "packed"), pipeline=[])
    )
    packed.pipeline.transforms = pipeline
    for index in range(COUNT):
        one, other = packed[index], loaded(root)[index]
        for key in ("img", SHADE.array, FLOW.array):
            assert np.array_equal(one[key], other[key])


def test_data_are_checked_and_browsed(root, tmp_path, capsys):
    for name in ("rgb", "shade", "flow"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).symlink_to(root / name)
    given = config(tmp_path / "data")
    found = report_data_check(
        given, ["test"], out=str(tmp_path), json_file=str(tmp_path / "a.json")
    )
    [part] = json.loads((tmp_path / "a.json").read_text())["parts"].values()
    rows = COUNT * SIZE[0] * SIZE[1]
    assert part["shade"]["valid_pixels"] == rows - COUNT * 2 * SIZE[1]
    assert part["flow"]["valid_pixels"] == rows - COUNT * 2 * SIZE[0]
    assert 0 <= part["shade"]["minimum"] < part["shade"]["mean"] < part["shade"]["maximum"] == 1
    assert part["targets"] == ["shade", "flow"] and not found.problems
    output = capsys.readouterr().out
    assert ": flow" in output and "invalid (%)" in output
    [sheet] = tmp_path.glob("*.png")
    assert Image.open(sheet).width > 3 * 360
    assert len(browse_data(given, str(tmp_path / "seen"), num=2)) == 2


def test_a_network_trains_predicts_and_saves(root, tmp_path):
    given = config(root)
    network = build(given)
    data = [loaded(root, dict(type="PackTargets"))[index] for index in range(2)]
    batch = {key: [each[key] for each in data] for key in ("inputs", "data_samples")}
    logged = step(network, batch)
    assert torch.isfinite(logged["loss"]) and {"light/l1", "flow/l1"} <= set(logged)
    # Padding never becomes a target.
    sample = data[0]["data_samples"]
    wide = dict(inputs=[torch.zeros(3, 40, 70, dtype=torch.uint8), data[0]["inputs"]])
    other = SegDataSample(metainfo=dict(sample.metainfo))
    seen = network.data_preprocessor(dict(wide, data_samples=[other, sample]), training=True)
    sample = seen["data_samples"][1]
    assert sample.gt_flow_map.shape == (40, 70) and sample.gt_shade_map.shape == (40, 70)
    assert (sample.gt_flow_map.data[:, SIZE[0] :] == FLOW.invalid).all()
    assert (sample.gt_shade_map.data[:, :, SIZE[1] :] == SHADE.invalid).all()

    for key in ("train_dataloader", "val_dataloader", "val_evaluator"):
        given.pop(key)
    with torch.no_grad():  # where shades are
        network.decode_head.task_heads["light"].predict.bias.fill_(0.5)
    torch.save(dict(state_dict=network.state_dict()), tmp_path / "a.pth")
    given.default_hooks.update(
        save_predictions=dict(type="SavePredictionsHook", folder=str(tmp_path / "saved")),
        panels=dict(type="PanelHook", num_images=1, folder=str(tmp_path / "panels")),
    )
    metrics = evaluate(given, str(tmp_path / "a.pth"), str(tmp_path / "run"))
    assert set(metrics) == {"shade/bias", "shade/bright"}
    inferencer = MultiTaskInferencer(tmp_path / "a.pth", given, device="cpu")
    [found] = inferencer(root / "rgb" / "0.png")
    assert found["light"].shape == SIZE and found["flow"].shape == (*SIZE, 2)
    # As the truth is: 200 steps in a PNG, and the vectors as they are.
    shade = read_map(str(tmp_path / "saved" / "shade" / "0.png")) / 200
    expected = found["light"].clip(0, 1.27)
    assert shade.min() > 0 and np.abs(shade - expected).max() <= 0.51 / 200
    saved = np.load(tmp_path / "saved" / "flow" / "rgb" / "0.npy")
    assert np.allclose(saved, found["flow"], atol=1e-5)
    assert list((tmp_path / "panels").glob("*.png"))
    inferencer.save(root / "rgb", tmp_path / "out", kinds=["maps", "panel"])
    written = np.load(tmp_path / "out" / "maps" / "shade" / "0.npy")
    assert np.allclose(written, found["light"], atol=1e-5)
    listed = json.loads((tmp_path / "out" / "predictions.json").read_text())["predictions"][0]
    assert listed["files"]["maps/flow"] == "maps/flow/0.npy"


def test_exported_maps_are_compared_in_their_own_scale():
    truth = np.linspace(0, 5, 12, dtype=np.float32).reshape(1, 3, 4)
    assert compare("a", "shade", truth, truth + 4e-3).holds  # of 5: less than a thousandth
    assert not compare("a", "shade", truth, truth + 6e-3).holds
    flow = np.stack([truth, truth], axis=-1)
    assert compare("a", "flow", flow, flow + 4e-3).holds
    assert not compare("a", "flow", flow, flow * np.float32(np.nan)).holds


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (dict(type="ShadeHead"), dict(type="ShadeHead"), "shade"),
        (dict(type="DepthHead"), dict(type="AttentionBinsHead", num_bins=4, channels=8), "depth"),
    ],
)
def test_two_tasks_of_one_kind_are_refused(root, one, other, kind):
    """One would overwrite the other's prediction."""
    given = config(root)
    given.model.decode_head.task_heads = dict(a=one, b=other)
    with pytest.raises(ConfigError, match=f"task_heads.a and task_heads.b both predict '{kind}'"):
        build(given)


def test_a_target_that_nobody_registered_is_refused(root):
    DENSE_TARGETS.pop("shade")
    try:
        with pytest.raises(
            ConfigError, match=r"task_heads.light predicts 'shade'.*register_target"
        ):
            build(config(root))
    finally:
        DENSE_TARGETS["shade"] = SHADE


def test_pictures_have_a_sensible_default(tmp_path):
    truth = np.array([[0.0, 10.0, SHADE.invalid]], np.float32)
    guess = np.array([[5.0, 10.0, 7.0]], np.float32)
    style = Style((), (), depth_percentiles=(0, 100))
    row = paint_row(TaskMaps("shade", guess, truth), style)
    assert row.name == "shade" and row.scores == "mean error 2.5"
    assert row.truth[0, 2].tolist() == row.error[0, 2].tolist() == list(INVALID_COLOR)
    # Equal values have equal colours, and a prediction is never invalid for want of a truth.
    assert (
        row.truth[0, 1].tolist() == row.prediction[0, 1].tolist() != row.prediction[0, 2].tolist()
    )
    assert (row.key.bar.norm.vmin, row.key.bar.norm.vmax) == (0, 10)
    vectors = np.array([[[3.0, 4.0], [FLOW.invalid, FLOW.invalid]]], np.float32)
    row = paint_row(TaskMaps("flow", vectors * 2, vectors), style)
    assert row.scores == "mean error 5" and row.truth[0, 1].tolist() == list(INVALID_COLOR)
    nothing = np.full((1, 2), SHADE.invalid, np.float32)
    assert paint_row(TaskMaps("shade", nothing, nothing), style).scores == "no valid pixel"
    broken = np.full((1, 3), np.nan, np.float32)
    assert paint_row(TaskMaps("shade", broken, truth), style).scores == "no valid pixel"
    save_maps(tmp_path / "a", np.zeros((1, 3, 3), np.uint8), [TaskMaps("shade", guess, truth)])
    assert np.array_equal(load_maps(tmp_path / "a")["shade"].truth, truth)

    own = register_painter("shade", lambda maps, style: row)
    try:
        assert paint_row(TaskMaps("shade", guess), style) is row
        with pytest.raises(ConfigError, match="'shade' has a painter already"):
            register_painter("shade", lambda maps, style: row)
        assert register_painter("shade", own) is own
    finally:
        PAINTERS.pop("shade")
    with pytest.raises(ConfigError, match="'shadow' is not registered"):
        register_painter("shadow", own)


def test_measures_are_declared_once_and_known_everywhere(root, tmp_path):
    assert direction_of("shade/bias") == "lower" and direction_of("shade/bright") == "higher"
    assert main_measures()["shade"].name == "shade/bias"
    assert list(main_measures())[:3] == ["semseg", "depth", "normals"]
    given = config(root)
    assert measured_names(given) == {"shade/bias", "shade/bright"}
    hook = final_config(given).default_hooks.checkpoint
    assert (hook.save_best, hook.rule) == ("shade/bias", "less")
    given.default_hooks.checkpoint.save_best = "shade/bais"
    with pytest.raises(ConfigError, match=r"shade/bais.*Did you mean shade/bias"):
        final_config(given)
    labels = [row[0] for row in metrics_table("run", {"shade/bias": 1, "shade/bright": 1}).rows]
    assert labels == ["shade, bias"]
    assert delta_m({"shade/bias": 0.5}, {"shade/bias": 1.0}) == 50.0
    for wrong in (
        Measure("shade/bias", "higher"),
        Measure("shade/other", "lower", main=True),
        Measure("depth/other", "lower", main=True),
    ):
        with pytest.raises(ConfigError, match=f"Mine declares.*{wrong.name}.*there is Measure"):
            declare_measures((wrong,), "Mine")
    for name, better in (("bias", "lower"), ("shade/", "lower"), ("shade/bias", "up")):
        with pytest.raises(ConfigError, match="expected a name '<task>/<metric>'"):
            Measure(name, better)
