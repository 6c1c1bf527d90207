"""Parts of mmseg and MMEngine have their effect here, or are refused; the page says which."""

from __future__ import annotations

import json
import math
import os
import re
from copy import deepcopy
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from dev.foreign_parts import CONDITIONS, HONOURED, REFUSED, foreign_page, tables
from mmengine.fileio import load
from mmengine.hooks import Hook
from mmseg.registry import DATASETS, HOOKS, MODELS

from mtl_plugins.config import final_config
from mtl_plugins.datasets import DenseDataset, SampleIndex
from mtl_plugins.engine import train
from mtl_plugins.errors import ConfigError
from tests.batches import batch, model
from tests.conftest import ROOT, SCENES
from tests.engine.tiny_run import tiny_config

TABLES = tables()
ONCE = "train_cfg.max_epochs=1"
NO_BEST = "default_hooks.checkpoint.save_best=None"


def outcomes(heading):
    return {row.part: row.outcome for row in TABLES[heading]}


def test_the_page_is_up_to_date():
    with open(os.path.join(ROOT, "docs", "foreign_parts.md"), encoding="utf-8") as page:
        assert page.read() == foreign_page(), "call tools/dev/commands/foreign_parts.py"


def test_every_row_says_what_happens_and_what_to_use():
    for rows in TABLES.values():
        for row in rows:
            assert row.outcome.startswith((HONOURED, REFUSED))
            # Without a replacement nothing may be refused but a part that is there already.
            assert row.instead or "refused" not in row.outcome or "second one" in row.outcome


@HOOKS.register_module()
class CallsHook(Hook):
    """Record the file of every sample that is trained on."""

    files: ClassVar[list[str]] = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        for each in data_batch["data_samples"]:
            self.files.append(os.path.basename(each.img_path))


@pytest.fixture
def recorded():
    CallsHook.files = []
    return CallsHook.files


def trained(scene_options, folder, *options, hooks=()):
    """Train with options and hooks; return the lines of the log of numbers."""
    config = tiny_config(scene_options, *options)
    config.custom_hooks = [*hooks, dict(type="CallsHook")]
    train(config, work_dir=str(folder), seed=1)
    [log] = folder.glob("*/vis_data/scalars.json")
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_hooks_and_metrics_have_their_effect_in_a_training(scene_options, tmp_path, recorded):
    """All that are honoured at once, for two of four epochs of three batches."""
    hooks = {
        "CheckpointHook": dict(by_epoch=False, interval=2),
        "DistSamplerSeedHook": {},
        "EMAHook": {},
        "EarlyStoppingHook": dict(monitor="depth/rmse", rule="less", min_delta=1e6, patience=1),
        "EmptyCacheHook": dict(after_iter=True),
        "IterTimerHook": {},
        "LoggerHook": {},
        "ProfilerHook": dict(
            by_epoch=False, profile_times=2, activity_with_cuda=False,
            json_trace_path=str(tmp_path / "trace.json"),
        ),
        "RuntimeInfoHook": {},
        "SegVisualizationHook": dict(draw=True, interval=1),
        "SyncBuffersHook": {},
    }  # fmt: skip
    metrics = [
        dict(type="MultiTaskMetric"),
        dict(type="IoUMetric", iou_metrics=["mIoU"], prefix="mmseg"),
        dict(type="DepthMetric", prefix="mmseg"),
        dict(type="DumpResults", out_file_path=str(tmp_path / "dump.pkl")),
    ]
    honoured = {p for p, out in outcomes("Hooks").items() if out.startswith(HONOURED)}
    assert honoured - {*hooks} == {"ParamSchedulerHook"}  # which a config has already
    assert {part for part, out in outcomes("Metrics").items() if out != REFUSED} == {
        "DepthMetric", "DumpResults", "IoUMetric",
    }  # fmt: skip
    lines = trained(
        scene_options, tmp_path / "run", "train_cfg.max_epochs=4", NO_BEST,
        f"val_evaluator={metrics!r}", "visualizer.type=SegLocalVisualizer",
        hooks=[dict(arguments, type=name) for name, arguments in hooks.items()],
    )  # fmt: skip
    measured = [line for line in lines if "mmseg/mIoU" in line]
    assert {line["step"] for line in measured} == {1, 2}, "EarlyStoppingHook ends the training"
    assert len(measured) == 4, "the second LoggerHook logs as well"
    for line in measured:
        # mmseg rounds to hundredths of a percent.
        assert line["mmseg/mIoU"] == pytest.approx(line["semseg/mIoU"], abs=0.006)
        assert line["mmseg/aAcc"] == pytest.approx(line["semseg/aAcc"], abs=0.006)
        for name in ("rmse", "abs_rel", "log10"):
            assert line[f"mmseg/{name}"] == pytest.approx(line[f"depth/{name}"], rel=1e-4)
    files = {path.name for path in (tmp_path / "run").rglob("*")}
    assert {"iter_2.pth", "iter_4.pth", "epoch_2.pth", "val_000000.jpg_3.png"} <= files
    assert json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert len(load(tmp_path / "dump.pkl")) == SCENES["counts"]["val"]


REFUSED_OPTIONS = {
    "Hooks": "custom_hooks=[dict(type={})]",
    "Metrics": "val_evaluator=dict(_delete_=True, type={}, output_dir=out)",
    "Model wrappers": "model_wrapper_cfg=dict(type={})",
    "Optimizer wrappers": "optim_wrapper.type={}",
    "Preprocessors": "model.data_preprocessor=dict(_delete_=True, type={})",
    "Optimizer constructors, for a TimmEncoder": "optim_wrapper.constructor={}",
}
ALL_REFUSED = [
    (heading, row.part, row.instead)
    for heading in REFUSED_OPTIONS
    for row in TABLES[heading]
    if row.outcome == REFUSED
]


@pytest.mark.parametrize(("heading", "part", "instead"), ALL_REFUSED)
def test_what_is_refused_names_its_replacement(scene_options, heading, part, instead):
    option = REFUSED_OPTIONS[heading].format(part)
    listed = option.startswith("custom_hooks")
    with pytest.raises(ConfigError, match=re.escape(part)) as caught:
        config = tiny_config(scene_options, *([] if listed else [option, NO_BEST]))
        if listed:
            config.custom_hooks = [dict(type=part)]
        MODELS.build(final_config(config).model)
    assert instead.split("(")[0].split(",")[0] in str(caught.value)


CONDITIONAL = [
    ("train_dataloader.sampler.type=InfiniteSampler", "SeededSampler"),
    ("val_dataloader.sampler.type=InfiniteSampler", "DefaultSampler"),
    ("default_hooks.look=dict(type=SegVisualizationHook, draw=True)", "PanelHook"),
    ("default_hooks.again=dict(type=ParamSchedulerHook)", "leave out one"),
    ("default_hooks.again=dict(type=CheckpointHook)", "keep one"),
    ("val_evaluator=dict(_delete_=True, type=DepthMetric, depth_metrics=[rmse])", "MultiTaskM"),
    ("val_evaluator=dict(_delete_=True, type=IoUMetric, ignore_index=0)", "MultiTaskMetric"),
    ("runner_type=FlexibleRunner", "runner_type"),
    ("train_dataloader.dataset.pipeline=[dict(type=LoadImage), dict(type=RandomApply, transforms="
     "[dict(type=Normalize, mean=[1,1,1], std=[1,1,1])])]", "normalised twice"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "message"), CONDITIONAL)
def test_what_fits_sometimes_is_refused_elsewhere(scene_options, option, message):
    with pytest.raises(ConfigError, match=message):
        final_config(tiny_config(scene_options, option, NO_BEST))


@pytest.mark.skipif(torch.cuda.is_available(), reason="it is for GPUs")
def test_half_precision_of_mmengine_needs_a_gpu(scene_options):
    with pytest.raises(ConfigError, match=r"AmpOptimWrapper, which needs a GPU.*AutocastOptimW"):
        final_config(tiny_config(scene_options, "optim_wrapper.type=AmpOptimWrapper"))


def test_metrics_of_targets_that_are_not_predicted_are_refused(scene_options):
    config = tiny_config(scene_options, NO_BEST)
    for task, metric in (("semseg", "IoUMetric"), ("depth", "DepthMetric")):
        lacking = deepcopy(config)
        heads = dict(config.model.decode_head.task_heads)
        heads.pop(task)
        lacking.model.decode_head.task_heads = heads
        lacking.model.pop("balancer", None)
        lacking.val_evaluator = [dict(type=metric)]
        with pytest.raises(ConfigError, match=rf"{metric} measures '{task}', which the network"):
            final_config(lacking)


def test_what_a_config_of_mmseg_inherits_is_left_alone(scene_options):
    config = tiny_config(scene_options, "custom_hooks=[]")
    config.default_hooks.visualization = dict(type="SegVisualizationHook")
    config.tta_model = dict(type="SegTTAModel")
    config.tta_pipeline = [dict(type="LoadImageFromFile"), dict(type="TestTimeAug", transforms=[])]
    final_config(config)


ITERATIONS = [
    "train_cfg=dict(_delete_=True, type=IterBasedTrainLoop, max_iters=6)",
    "default_hooks.checkpoint.by_epoch=False",
    "param_scheduler.1=dict(_delete_=True, type=PolyLR, by_epoch=False)",
    "val_dataloader=None", "val_cfg=None", "val_evaluator=None", NO_BEST,
]  # fmt: skip


@pytest.mark.parametrize(
    ("sampler", "options"),
    [
        ("DefaultSampler", ["train_cfg.max_epochs=2"]),
        ("DefaultSampler", ITERATIONS),
        ("InfiniteSampler", ITERATIONS),
    ],
)
def test_samplers_give_every_sample_once_in_a_round(
    scene_options, tmp_path, recorded, sampler, options
):
    assert outcomes("Samplers").keys() == {"DefaultSampler", "InfiniteSampler"}
    trained(scene_options, tmp_path, *options, f"train_dataloader.sampler.type={sampler}")
    count = SCENES["counts"]["train"]
    first, second = recorded[:count], recorded[count:]
    assert len(recorded) == 2 * count and len({*first}) == len({*second}) == count
    assert first != second and sorted(first) == sorted(second)


def scenes(root, **options):
    pipeline = [dict(type="LoadImage"), dict(type="LoadTargets"), dict(type="PackTargets")]
    known = dict(data_root=root, split="train", pipeline=pipeline, **SCENES)
    return dict(known, type="StreetScenesDataset", **options)


def test_data_sets_made_of_others_keep_the_samples_and_their_randomness(scenes_root):
    inner = scenes(scenes_root)
    inner["pipeline"] = [*inner["pipeline"][:2], dict(type="RandomCrop", crop_size=(16, 16)),
                         dict(type="PackTargets")]  # fmt: skip
    plain = DATASETS.build(inner)
    wrapped = {
        "ConcatDataset": dict(datasets=[inner, inner]),
        "RepeatDataset": dict(dataset=inner, times=2),
        "ClassBalancedDataset": dict(dataset=inner, oversample_thr=0.9),
    }
    names = {*outcomes("Data sets that are made of others")}
    assert names - {*wrapped} == {"MultiImageMixDataset"}
    for name, arguments in wrapped.items():
        dataset = DATASETS.build(dict(arguments, type=name))
        assert len(dataset) >= len(plain)
        for index in range(len(dataset)):
            inside = dataset.get_data_info(index)["sample_idx"]
            a, b, c = (
                each[SampleIndex(at, (7, epoch, index))]["inputs"]
                for each, at, epoch in (
                    (dataset, index, 1), (plain, inside, 1), (dataset, index, 2),
                )
            )  # fmt: skip
            assert a.equal(b)
            assert not a.equal(c), "another epoch, another crop"


def test_rare_classes_are_repeated(scenes_root):
    plain = DATASETS.build(scenes(scenes_root))
    found = [plain.get_cat_ids(index) for index in range(len(plain))]
    for index, ids in enumerate(found):
        label = plain[index]["data_samples"].gt_sem_seg.data
        assert ids == sorted({*label.unique().tolist()} - {255})
    shares = {each: sum(each in ids for ids in found) / len(plain) for ids in found for each in ids}
    balanced = DATASETS.build(
        dict(type="ClassBalancedDataset", oversample_thr=1.0, dataset=scenes(scenes_root))
    )
    repeats = [math.ceil(max(shares[each] ** -0.5 for each in ids)) for ids in found]
    order = [balanced.get_data_info(index)["sample_idx"] for index in range(len(balanced))]
    assert order == [index for index, times in enumerate(repeats) for _ in range(times)]
    depth = scenes(scenes_root, targets=["depth"])
    with pytest.raises(ConfigError, match=r"target='semseg' is not loaded by the data set"):
        DATASETS.build(dict(type="ClassBalancedDataset", oversample_thr=1.0, dataset=depth))


def test_mixing_outside_of_the_pipeline_is_refused(scenes_root):
    inner = dict(type="RepeatDataset", times=2, dataset=scenes(scenes_root))
    for dataset in (scenes(scenes_root), inner):
        with pytest.raises(ConfigError, match="MosaicTargets"):
            DATASETS.build(dict(type="MultiImageMixDataset", dataset=dataset, pipeline=[]))


def test_the_usual_preprocessor_is_the_packages():
    network = model()
    config = dict(
        type="MultiTaskSegmentor",
        backbone=dict(type="TimmEncoder", model_name="test_resnet"),
        decode_head=dict(
            type="JointHead",
            decoder=dict(type="DeepLabDecoder", channels=8),
            task_heads=dict(depth={}),
        ),
    )
    usual = MODELS.build(config).data_preprocessor
    assert type(usual) is type(network.data_preprocessor)
    padded = usual(batch((8, 8), (8, 16)), True)["data_samples"][0].gt_depth_map.data
    assert not padded[..., 8:].any()


def test_conditions_are_about_parts_that_exist():
    listed = {row.part for rows in TABLES.values() for row in rows}
    assert {*CONDITIONS} <= listed
    assert issubclass(DATASETS.get("StreetScenesDataset"), DenseDataset)
    assert Path(ROOT, "docs", "foreign_parts.md").is_file()
