"""Configs: typos are found before anything is built, and said with the nearest name."""

from __future__ import annotations

import glob
import os
import re

import pytest

from mtl_plugins.config import check_config, load_config, parse_options
from mtl_plugins.errors import ConfigError
from tests.conftest import ROOT

BRANCHED = os.path.join(ROOT, "configs", "mtl_branched.py")
SHIPPED = sorted(
    path
    for path in glob.glob(os.path.join(ROOT, "configs", "**", "*.py"), recursive=True)
    if "_base_" not in path and "sweeps" not in path
)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: os.path.relpath(p, ROOT))
def test_every_shipped_config_passes_the_check_and_is_short(path):
    assert load_config(path).model.type == "MultiTaskSegmentor"
    with open(path, encoding="utf-8") as lines:
        assert len(list(lines)) <= 30


def test_options_are_laid_over_with_their_types():
    config = load_config(
        BRANCHED,
        [
            "model.backbone.model_name=resnet50",
            "train_dataloader.batch_size=3",
            "model.decode_head.decoder.aspp_rates=(6,12)",
            "model.backbone.pretrained=False",
        ],
    )
    assert config.model.backbone.model_name == "resnet50"
    assert config.train_dataloader.batch_size == 3
    assert config.model.decode_head.decoder.aspp_rates == (6, 12)
    assert config.model.backbone.pretrained is False


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("model.backbone.type=TimEncoder", r"model\.backbone\.type='TimEncoder'.*TimmEncoder"),
        ("optim_wrapper.optimizer.type=Adamm", r"optimizer\.type='Adamm'.*Adam"),
        ("val_evaluator.type=MultiTaskMetrics", "MultiTaskMetric"),
        ("train_dataloader.dataset.pipeline.2.type=RandmFlip", "RandomFlip"),
        ("model.backbone.outputstride=8", r"no such argument.*output_stride"),
        ("model.decode_head.decoder.aspp_rate=3", r"no such argument.*aspp_rates"),
        ("model.decode_head.task_heads.depth.intial_depth=3", r"no such argument.*initial_depth"),
        ("train_dataloader.dataset.data_rot=x", r"no such argument.*data_root"),
        ("model.backbone", "key=value"),
        ("modle.backbone.model_name=resnet50", "there is no modle.*model"),
        ("data_root=x", "data_root is a variable of the config file.*train_dataloader"),
        ("train_cfg.max_epoch=2", r"no such argument.*max_epochs"),
        ("train_dataloader.batchsize=4", r"no such argument.*batch_size"),
        ("train_dataloader.batch_size=many", "batch_size='many'; expected .* at least 1"),
        ("val_dataloader.batch_size=0", "val_dataloader.batch_size=0; expected"),
        ("train_cfg.max_epochs=0", "train_cfg.max_epochs=0; expected a whole number"),
        ("optim_wrapper.optimizer.lrr=1", r"no such argument.*lr"),
        ("val_evaluator.max_dept=80", r"no such argument.*max_depth"),
        ("model.decode_head.task_heads.semesg.num_classes=5", r"no semesg in .*mean semseg\?"),
        ("default_hooks.checkpont.interval=2", r"no checkpont in default_hooks.*checkpoint\?"),
        ("default_hooks.checkpoint.save_bes=auto", r"no such argument.*save_best\?"),
        ("default_hooks.panels.num_image=3", r"PanelHook has no such argument.*num_images\?"),
        ("param_scheduler.99.power=3", r"param_scheduler has the entries 0 to \d+, not 99"),
        ("train_cfg.max_epochs.x=1", r"train_cfg.max_epochs is 4, without parts"),
        ("env_cfg.cudnn_benchmarks=True", r"no such argument.*cudnn_benchmark\?"),
        ("env_cfg.mp_cfg.start_method=fork", r"no such argument.*mp_start_method\?"),
        ("randomness.sed=1", r"no such argument.*seed\?"),
        ("log_processor.windowsize=3", r"no such argument.*window_size\?"),
        ("param_scheduler.0.start_facto=0.1", r"no such argument.*start_factor\?"),
        ("optim_wrapper.clip_grad.max_nrom=1", r"no such argument.*max_norm\?"),
        ("optim_wrapper.constructor=BalancedConstructor", r"mean BalancedOptimWrapperConstr"),
        ("model.decode_head.task_heads.depth.codec.type=ExpCodecs", r"mean ExpCodec\?"),
        ("model.decode_head.task_heads.depth.loss.type=SigLogLoss", r"mean SILogLoss"),
    ],
)
def test_a_typo_names_its_place_and_the_nearest_name(option, message):
    with pytest.raises(ConfigError, match=message):
        load_config(BRANCHED, [option])


@pytest.mark.parametrize(
    "option",
    [
        "optim_wrapper.paramwise_cfg.bias_lr_mult=2",
        "optim_wrapper.constructor=DefaultOptimWrapperConstructor",
        "optim_wrapper.clip_grad.max_norm=1",
        "optim_wrapper.clip_grad.type=value",
        "param_scheduler.1.convert_to_iter_based=True",
        "model.decode_head.task_heads.normals.type=NormalsHead",
        "model.decode_head.task_decoders.depth.channels=32",
        "default_hooks.panels.depth_log=True",
        "default_hooks.panels=None",
        "default_hooks.timer=None",
        "randomness.seed=3",
    ],
)
def test_what_mmengine_takes_is_not_refused(option):
    load_config(BRANCHED, [option])


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(ConfigError, match=r"no config file 'none\.py'"):
        load_config("none.py")
    with pytest.raises(ConfigError, match=r"Did you mean .*configs/mtl_branched\.py\?"):
        load_config(BRANCHED.replace("branched", "brnched"))
    child = tmp_path / "child.py"
    child.write_text("_base_ = 'brokn.py'\n")
    (tmp_path / "broken.py").touch()
    with pytest.raises(ConfigError, match=r"child\.py cannot be read: .*Did you mean .*broken\.py"):
        load_config(str(child))
    broken = tmp_path / "broken.py"
    broken.write_text("model = dict(\n")
    with pytest.raises(ConfigError, match=r"broken\.py cannot be read"):
        load_config(str(broken))
    checkpoint = tmp_path / "epoch_1.pth"
    checkpoint.touch()
    with pytest.raises(ConfigError, match="the config; a checkpoint is none"):
        load_config(str(checkpoint))


def test_an_imported_class_is_its_path(tmp_path):
    child = tmp_path / "child.py"
    base, imported = f"_base_ = {BRANCHED!r}\n", "from torch.optim import AdamW\n"
    child.write_text(f"{base}{imported}optim_wrapper = dict(optimizer=dict(type=AdamW))\n")
    config = load_config(str(child))
    assert config.optim_wrapper.optimizer.type == "torch.optim.adamw.AdamW"
    assert "<class" not in config.pretty_text
    child.write_text(imported + base)
    with pytest.raises(ConfigError, match="An import above _base_"):
        load_config(str(child))


def test_class_paths_are_left_to_mmengine():
    config = load_config(BRANCHED, ["optim_wrapper.optimizer.type=torch.optim.SGD"])
    assert config.optim_wrapper.optimizer.type == "torch.optim.SGD"


def test_what_mmsegs_own_configs_say_is_not_refused(tmp_path):
    path = tmp_path / "like_mmseg.py"
    path.write_text(
        "norm_cfg = dict(type='SyncBN', requires_grad=True)\n"
        "model = dict(backbone=dict(type='ResNetV1c', norm_cfg=norm_cfg))\n"
        "visualizer = dict(type='SegLocalVisualizer')\n"
    )
    load_config(str(path))
    path.write_text("norm_cfg = dict(type='SyncBN', requires_grads=True)\n")
    with pytest.raises(ConfigError, match=r"norm_cfg\.requires_grads: SyncBN has no such argument"):
        load_config(str(path))


def test_a_variable_of_a_config_may_declare_a_target(tmp_path):
    """Such as one that the data sets of two splits share."""
    (tmp_path / "a.py").write_text(
        'height = dict(type="scalar", unit="m", range=(-5, 50))\n'
        'data = dict(type="MultiTaskDataset", targets=dict(height=height))\n'
    )
    assert load_config(str(tmp_path / "a.py")).data.targets.height.unit == "m"


LOSS = "model.decode_head.task_heads.semseg.loss"


@pytest.mark.parametrize(
    "value",
    [
        "{'type': 'MaskedCrossEntropyLoss', 'class_weight': [1, 2.5]}",
        '{"type": "MaskedCrossEntropyLoss", "class_weight": [1, 2.5]}',
        "dict(type='MaskedCrossEntropyLoss', class_weight=[1, 2.5])",
        # Without the quotes, which a shell removes.
        "{type: MaskedCrossEntropyLoss, class_weight: [1, 2.5]}",
        "dict(type=MaskedCrossEntropyLoss,class_weight=[1,2.5])",
    ],
)
def test_dicts_are_read_as_python_or_json_writes_them(value):
    loss = load_config(BRANCHED, [f"{LOSS}={value}"]).model.decode_head.task_heads.semseg.loss
    assert loss == dict(type="MaskedCrossEntropyLoss", class_weight=[1, 2.5])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("['a, b', \"c's\"]", ["a, b", "c's"]),
        ("[dict(type='A', at=(1, 2)), {'b': None}]", [dict(type="A", at=(1, 2)), dict(b=None)]),
        ('{"a": true, "b": null, "c": {"d": []}}', dict(a=True, b=None, c=dict(d=[]))),
        ("{'a': 'x, y: z', b: w}", dict(a="x, y: z", b="w")),
        ("{0: 255, (7, 7, 7): 0}", {0: 255, (7, 7, 7): 0}),
        ("dict()", {}),
        ("epoch_{}.pth", "epoch_{}.pth"),
        ("\"{'a': 1}\"", "{'a': 1}"),
        ("(3)", (3,)),
    ],
)
def test_values_with_parts(text, value):
    assert parse_options([f"x={text}"]) == dict(x=value)


def test_what_looks_like_a_dict_and_is_none_is_refused():
    for text in ("{1, 2}", "{[1]: 2}", "dict(3)"):
        with pytest.raises(ConfigError, match=r"is no dict; expected \{'key': value\} or dict\("):
            parse_options([f"x={text}"])


def test_a_dict_is_merged_into_a_dict_and_replaces_anything_else():
    options = [
        "default_hooks.checkpoint={interval: 5}",
        "default_hooks.mine=dict(type=EMAHook)",
        "val_evaluator={type: MultiTaskMetric}",
        "custom_hooks=[dict(type=EMAHook)]",
        "model.balancer=dict(_delete_=True, type=FixedWeights)",
    ]
    config = load_config(BRANCHED.replace("branched", "normals"), options)
    assert config.default_hooks.checkpoint.interval == 5
    assert config.default_hooks.checkpoint.type == "DurableCheckpointHook"
    assert config.default_hooks.mine == dict(type="EMAHook")
    assert config.val_evaluator == dict(type="MultiTaskMetric")
    assert config.custom_hooks[0].type == "EMAHook"
    assert config.model.balancer == dict(type="FixedWeights")


def test_entries_of_lists_are_changed_appended_and_removed_by_their_index():
    options = [
        "param_scheduler.0=None",
        "param_scheduler.1.power=2",
        "custom_hooks.0.type=EMAHook",
        "custom_hooks.1={type: EmptyCacheHook}",
        "train_dataloader.dataset.pipeline.0={_delete_: True, type: LoadImage}",
        "model.decode_head.decoder.aspp_rates=(1,2,3)",
        "model.decode_head.decoder.aspp_rates.1=5",
    ]
    config = load_config(BRANCHED, options)
    assert [node.power for node in config.param_scheduler] == [2]
    assert [hook.type for hook in config.custom_hooks] == ["EMAHook", "EmptyCacheHook"]
    assert config.train_dataloader.dataset.pipeline[0] == dict(type="LoadImage")
    assert config.model.decode_head.decoder.aspp_rates == (1, 5, 3)
    with pytest.raises(ConfigError, match=r"custom_hooks has no entries, not 1.*has the number 0"):
        load_config(BRANCHED, ["custom_hooks.1.type=EMAHook"])


def test_a_dict_replaces_a_list_and_an_empty_one_is_a_new_task():
    config = load_config(BRANCHED, ["param_scheduler={type: PolyLR}"])
    assert config.param_scheduler == dict(type="PolyLR")
    heads = load_config(BRANCHED, ["model.decode_head.task_heads.normals={}"]).model.decode_head
    assert heads.task_heads.normals == {}


def test_paths_may_begin_with_the_users_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/home/somebody")
    (tmp_path / "mine.py").write_text(
        f"_base_ = {BRANCHED!r}\ntrain_dataloader = dict(dataset=dict(data_root='~/data'))\n"
    )
    config = load_config(str(tmp_path / "mine.py"), ["load_from=~/w.pth", "work_dir=~/runs"])
    assert config.train_dataloader.dataset.data_root == "/home/somebody/data"
    assert (config.load_from, config.work_dir) == ("/home/somebody/w.pth", "/home/somebody/runs")


def test_colours_that_are_keys_are_text_that_json_can_hold(tmp_path):
    colours = "train_dataloader.dataset.label_map={(7, 7, 7): 0, 5: 255}"
    config = load_config(BRANCHED, [colours])
    assert config.train_dataloader.dataset.label_map == {"(7, 7, 7)": 0, 5: 255}
    config.dump(tmp_path / "dumped.json")
    read = load_config(str(tmp_path / "dumped.json"))
    assert read.train_dataloader.dataset.label_map == {"(7, 7, 7)": 0, "5": 255}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("train_cfg={max_epoch: 3}", r"train_cfg\.max_epoch: .*no such argument.*max_epochs"),
        ("default_hooks={checkpont: {interval: 2}}", r"no checkpont in default_hooks.*checkpoint"),
        (f"{LOSS}=dict(type='MaskedCrosEntropyLoss')", "MaskedCrossEntropyLoss"),
    ],
)
def test_a_typo_inside_a_dict_is_found(option, message):
    with pytest.raises(ConfigError, match=message):
        load_config(BRANCHED, [option])


def test_names_of_albumentations_need_not_be_registered():
    """As in docs/transforms.md; nested ones too."""
    noise = dict(type="OneOf", transforms=[dict(type="GaussNoise"), dict(type="MotionBlur")])
    config = load_config(BRANCHED)
    config.train_dataloader.dataset.pipeline.insert(1, dict(type="AlbuImage", transforms=[noise]))
    check_config(config)
    config.train_dataloader.dataset.pipeline[1] = dict(type="AlbuImag", transforms=[noise])
    with pytest.raises(ConfigError, match=r"Did you mean AlbuImage\?"):
        check_config(config)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("optim_wrapper.optimizer.type=Lion", "Choose from ASGD, "),
        ("optim_wrapper.optimizer.type=Addam", "Did you mean Adam"),
        ("default_hooks.timer.type=IterTimeHook", "Did you mean IterTimerHook"),
        ("train_dataloader.sampler.type=SeedSampler", "Did you mean SeededSampler"),
        ("val_evaluator.type=MultiTask", "MultiTaskMetric"),
        ("train_cfg.type=SeededLoop", "Did you mean SeededTrainLoop"),
        ("param_scheduler.0.type=Linear", "LinearLR"),
        ("optim_wrapper.optimizer.lr='1e-4'", "lr='1e-4'; expected a number."),
        ("train_dataloader.dataset=[1, 2]", "is a list of 2. To join data sets, write"),
    ],
)
def test_an_error_suggests_what_belongs_to_the_place(option, said):
    with pytest.raises(ConfigError, match=re.escape(said)) as refusal:
        load_config(os.path.join(ROOT, "configs", "mtl_branched.py"), [option])
    assert "LayerNorm" not in str(refusal.value) and "Encoder" not in str(refusal.value)
