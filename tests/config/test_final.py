"""The final config: adapted to its tasks and to the machine, and checked once more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from mtl_plugins.config import final_config, load_config, run_config
from mtl_plugins.config.final import PROTECTION
from mtl_plugins.config.measured import _choose_best_metric, check_metric_names, measured_names
from mtl_plugins.errors import ConfigError
from mtl_plugins.evaluation import declared_measures
from tests.config.test_config import BRANCHED
from tests.conftest import ROOT

SAVE_BEST = "default_hooks.checkpoint.save_best"


def checkpoint_hook(*options):
    return final_config(BRANCHED, options).default_hooks.checkpoint


def test_a_config_in_memory_is_copied_and_its_final_form_stays_as_it_is():
    config = load_config(BRANCHED)
    before = config.to_dict()
    final = final_config(config)
    assert config.to_dict() == before and final.to_dict() != before
    assert final_config(final).to_dict() == final.to_dict()


def test_loaders_pin_memory_only_for_a_gpu(monkeypatch):
    for has_gpu in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda has_gpu=has_gpu: has_gpu)
        assert final_config(BRANCHED).train_dataloader.pin_memory is has_gpu


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "a"])
def test_seeds_that_numpy_does_not_take_are_refused(seed):
    with pytest.raises(ConfigError, match=rf"seed={seed!r}; expected a whole number from 0"):
        run_config(BRANCHED, seed=seed)


def test_the_arguments_of_a_run_are_laid_over():
    config = run_config(BRANCHED, work_dir="here", amp=True, seed=3)
    assert (config.work_dir, config.launcher) == ("here", "none")
    assert config.optim_wrapper.type == "AutocastOptimWrapper"
    assert config.randomness == dict(seed=3)
    assert run_config(BRANCHED).work_dir == os.path.join("work_dirs", "mtl_branched")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], dict(type="MMDistributedDataParallel", find_unused_parameters=False)),
        (["find_unused_parameters=True"], dict(find_unused_parameters=True)),
        (["model_wrapper_cfg.type=ShardedModel"], dict(type="ShardedModel")),
    ],
)
def test_processes_on_cpus_share_no_device(options, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    wrapper = run_config(BRANCHED, options, launcher="pytorch").model_wrapper_cfg
    assert {**wrapper, **expected} == {**wrapper}
    ddp = wrapper["type"] == "MMDistributedDataParallel"
    assert ("device_ids" in wrapper) is ddp and wrapper.get("device_ids") is None
    with pytest.raises(ConfigError, match="sync_bn works on GPUs alone"):
        run_config(BRANCHED, ["sync_bn=torch"], launcher="pytorch")


def test_synchronised_norms_are_plain_ones_on_cpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    backbone = dict(_delete_=True, type="ResNetV1c", norm_cfg=dict(type="SyncBN"))
    options = [f"model.backbone={backbone}"]
    several = run_config(BRANCHED, options, launcher="pytorch")
    assert several.model.backbone.norm_cfg.type == "BN"
    assert run_config(BRANCHED, options).model.backbone.norm_cfg.type == "SyncBN"


def test_other_ways_of_sharing_a_model_are_refused():
    config = load_config(BRANCHED)
    config.strategy = dict(type="FSDPStrategy")
    with pytest.raises(ConfigError, match=r"strategy=.*not supported.*ShardedModel"):
        final_config(config)
    options = ["model_wrapper_cfg.type=MMFullyShardedDataParallel"]
    with pytest.raises(ConfigError, match=r"model_wrapper_cfg='MMFully.*not supported"):
        final_config(BRANCHED, options)


@pytest.mark.parametrize(
    ("metric", "rule"),
    [("semseg/aAcc", "greater"), ("depth/rmse", "less"), ("multitask/score", "greater")],
)
def test_the_rule_follows_from_the_metric(metric, rule):
    """The default config inherits rule='greater', which would keep the worst depth."""
    assert checkpoint_hook(f"{SAVE_BEST}={metric}").rule == rule


def test_the_rule_of_what_follows_a_metric_follows_from_it():
    """Alone, mmengine refuses the first, and lowers the rate while the second becomes better."""
    config = load_config(BRANCHED)
    config.custom_hooks = [
        dict(type="EarlyStoppingHook", monitor="depth/abs_rel"),
        dict(type="EMAHook"),
    ]
    config.param_scheduler = dict(type="ReduceOnPlateauLR", monitor="semseg/mIoU")
    final = final_config(config)
    assert final.custom_hooks[0].rule == "less" and "rule" not in final.custom_hooks[1]
    assert final.param_scheduler.rule == "greater"


def test_several_metrics_have_a_rule_each():
    hook = checkpoint_hook(f"{SAVE_BEST}=[depth/abs_rel,semseg/mIoU]")
    assert hook.rule == ["less", "greater"]


def test_the_score_is_replaced_if_the_model_lacks_one_of_its_tasks():
    depth = final_config(os.path.join(ROOT, "configs", "single_depth.py"))
    assert depth.default_hooks.checkpoint.save_best == "depth/si_log_rmse"
    assert depth.default_hooks.checkpoint.rule == "less"


def test_a_run_may_have_no_checkpoint_hook():
    config = load_config(BRANCHED, ["default_hooks.checkpoint=None"])
    assert final_config(config).default_hooks.checkpoint is None


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (f"{SAVE_BEST}=semseg/mIuO", r"save_best='semseg/mIuO'.*semseg/mIoU"),
        (f"{SAVE_BEST}=normals/mean_angle", r"no such metric"),
        ("param_scheduler.1.monitor=depth/rmes", r"param_scheduler\.1\.monitor.*depth/rmse"),
        ("custom_hooks.0.monitor=depth/si_log_rms", r"custom_hooks\.0\.monitor.*si_log_rmse\?"),
    ],
)
def test_a_metric_that_is_not_measured_is_refused_before_training(option, message):
    config = load_config(BRANCHED)
    # A scheduler and a hook that have a monitor.
    config.param_scheduler[1] = dict(type="ReduceOnPlateauLR", monitor="depth/rmse")
    config.custom_hooks = [dict(type="EarlyStoppingHook", monitor="depth/rmse")]
    final_config(config)
    with pytest.raises(ConfigError, match=message):
        final_config(config, [option])


def test_only_metrics_of_the_tasks_are_measured():
    config = load_config(os.path.join(ROOT, "configs", "single_depth.py"))
    names = measured_names(config)
    assert "depth/rmse" in names
    assert not any(name.startswith(("semseg/", "multitask/")) for name in names)
    normals = load_config(os.path.join(ROOT, "configs", "mtl_normals.py"))
    measured = {*measured_names(normals)}
    assert {"normals/within_11.25", "semseg/mIoU", "multitask/score"} <= measured
    others = {m.name for m in declared_measures()} - measured
    assert others == {"mtan/abs_err", "mtan/rel_err"}


def test_a_metric_is_measured_once():
    normals = os.path.join(ROOT, "configs", "mtl_normals.py")
    both = [dict(type="NormalsMetric"), dict(type="MultiTaskMetric", max_depth=80.0)]
    config = load_config(normals)
    for metrics in (both, both[::-1]):
        config.val_evaluator = config.test_evaluator = metrics
        final = final_config(config)
        assert final.val_evaluator == final.test_evaluator == both[1:]
        assert measured_names(config) == measured_names(final)
    # What the other one does not measure stays.
    config.val_evaluator = [both[0], dict(both[1], tasks=["depth"])]
    assert len(final_config(config, [f"{SAVE_BEST}=depth/rmse"]).val_evaluator) == 2
    config.val_evaluator = both[:1]
    assert final_config(config, [f"{SAVE_BEST}=normals/mean_angle"]).val_evaluator == both[:1]
    config.val_evaluator = [both[1], both[1]]
    with pytest.raises(ConfigError, match=r"measures \['semseg/mIoU'.* twice.*by MultiTaskMetric"):
        final_config(config)
    config.val_evaluator = dict(type="MultiTaskMetric", max_depth=dict(dept=80.0))
    with pytest.raises(ConfigError, match=r"max_depth names the target 'dept'.*depth\?"):
        final_config(config)


def test_further_targets_are_measured_by_their_type():
    config = load_config(BRANCHED)
    config.val_dataloader = None  # data that lack heights would not measure them
    height = dict(target=dict(type="scalar"))
    config.model.decode_head.task_heads["height"] = height
    assert measured_names(config)[-4:] == [
        "height/mae", "height/rmse", "height/bias", "multitask/score",
    ]  # fmt: skip
    hook = config.default_hooks.checkpoint
    hook.save_best = "height/mae"
    check_metric_names(config)
    hook.save_best = "height/bias"
    with pytest.raises(ConfigError, match=r"height/bias.*neither high nor low"):
        check_metric_names(config)
    hook.save_best = "multitask/score"
    config.model.decode_head.task_heads = dict(height=height)
    _choose_best_metric(config)
    assert (hook.save_best, hook.rule) == ("height/mae", "less")


def test_metrics_of_other_libraries_are_not_checked():
    config = load_config(BRANCHED, ["val_evaluator.type=DepthMetric", f"{SAVE_BEST}=rmse"])
    assert measured_names(config) == []
    assert final_config(config).default_hooks.checkpoint.save_best == "rmse"


def test_what_mmsegs_metric_returns_is_known():
    config = load_config(BRANCHED, ["val_evaluator.type=IoUMetric", f"{SAVE_BEST}=mIoU"])
    assert measured_names(config) == ["aAcc", "mIoU", "mAcc"]
    hook = final_config(config).default_hooks.checkpoint
    assert (hook.save_best, hook.rule) == ("mIoU", "greater")


def protection(config):
    """The hooks that protect a run with this config, by name."""
    hooks = final_config(config).default_hooks
    return {name: hooks[name] for name in PROTECTION if hooks.get(name) is not None}


def test_no_list_of_a_user_removes_what_protects_a_run(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(f"_base_ = {BRANCHED!r}\ncustom_hooks = [dict(type='EMAHook')]\n")
    config = load_config(str(file))
    assert {hook["type"] for hook in protection(config).values()} >= {
        "SafeCheckpointHook", "NonFiniteHook", "InterruptHook", "FaultHook", "ClassCheckHook",
    }  # fmt: skip
    assert [hook.type for hook in final_config(config).custom_hooks] == ["EMAHook"]
    config.default_hooks = None
    assert {*protection(config)} == {*PROTECTION}


def test_a_protecting_hook_is_changed_or_switched_off_by_its_name_alone():
    config = load_config(BRANCHED)
    config.default_hooks = dict(nonfinite=dict(limit=3), faults=None)
    found = protection(config)
    assert found["nonfinite"] == dict(type="NonFiniteHook", limit=3)
    assert {*found} == {*PROTECTION} - {"faults"}


def test_hooks_that_a_config_of_0_1_lists_are_not_added_again():
    config = load_config(BRANCHED)
    config.default_hooks = dict(timer=dict(type="IterTimerHook"))
    config.custom_hooks = [dict(type="NonFiniteHook", limit=4)]
    assert {*protection(config)} == {*PROTECTION} - {"nonfinite"}


def test_shipped_configs_leave_custom_hooks_to_the_user():
    paths = [path for path in Path(ROOT, "configs").rglob("*.py") if "_base_" not in str(path)]
    assert len(paths) > 20
    for path in paths:
        if path.parent.name != "sweeps":
            assert not load_config(str(path)).get("custom_hooks"), path
