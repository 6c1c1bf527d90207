"""Metrics that a config goes by: they are measured, and their better end is known."""

from __future__ import annotations

import os

import pytest

from mtl_plugins.config import load_config
from mtl_plugins.config.metric_names import measured_names
from mtl_plugins.engine import prepared
from mtl_plugins.errors import ConfigError
from mtl_plugins.evaluation import declared_measures
from tests.config.test_config import BRANCHED
from tests.conftest import ROOT

SAVE_BEST = "default_hooks.checkpoint.save_best"


def checkpoint_hook(*options):
    config = load_config(BRANCHED, list(options))
    return prepared(config, None, "none").default_hooks.checkpoint


@pytest.mark.parametrize(
    ("metric", "rule"),
    [("semseg/aAcc", "greater"), ("depth/rmse", "less"), ("multitask/score", "greater")],
)
def test_the_rule_follows_from_the_metric(metric, rule):
    """The default config inherits rule='greater', which would keep the worst depth."""
    assert checkpoint_hook(f"{SAVE_BEST}={metric}").rule == rule


def test_several_metrics_have_a_rule_each():
    hook = checkpoint_hook(f"{SAVE_BEST}=[depth/abs_rel,semseg/mIoU]")
    assert hook.rule == ["less", "greater"]


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
    # Not every entry has a monitor: only the name is looked at here.
    config.merge_from_dict(dict([option.split("=")]))
    with pytest.raises(ConfigError, match=message):
        prepared(config, None, "none")


def test_only_what_the_tasks_give_is_measured():
    config = load_config(os.path.join(ROOT, "configs", "single_depth.py"))
    names = measured_names(config)
    assert "depth/rmse" in names
    assert not any(name.startswith(("semseg/", "multitask/")) for name in names)
    normals = load_config(os.path.join(ROOT, "configs", "mtl_normals.py"))
    assert {"normals/within_11.25", "semseg/mIoU", "multitask/score"} <= measured_names(normals)
    others = {m.name for m in declared_measures()} - measured_names(normals)
    assert others == {"mtan/abs_err", "mtan/rel_err"}


def test_names_of_other_peoples_metrics_are_not_judged():
    config = load_config(BRANCHED, ["val_evaluator.type=IoUMetric", f"{SAVE_BEST}=mIoU"])
    assert measured_names(config) == set()
    assert prepared(config, None, "none").default_hooks.checkpoint.save_best == "mIoU"
