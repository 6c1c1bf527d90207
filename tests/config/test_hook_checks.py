"""Hooks that users write: what protects a run stays, and what is lost is said."""

from __future__ import annotations

import itertools

import pytest
from mmengine.logging import MMLogger

from mtl_plugins.config import check_lengths, final_config, load_config
from mtl_plugins.config.final import PROTECTION
from mtl_plugins.errors import ConfigError
from tests.config.test_config import BRANCHED

EMA = dict(type="EMAHook")
NAMED = dict(
    inherited={},
    emptied=None,
    replaced=dict(logger=dict(type="LoggerHook")),
    mmengines_checkpoints=dict(checkpoint=dict(type="CheckpointHook", interval=1)),
    one_argument=dict(nonfinite=dict(limit=3)),
    averaged=dict(mine=dict(EMA)),
)
LISTED = dict(none=None, empty=[], ema=[dict(EMA)], own=[dict(type="EmptyCacheHook")])


def with_hooks(named, listed):
    config = load_config(BRANCHED)
    config.default_hooks, config.custom_hooks = named, listed
    return config


def types(config):
    hooks = [*config.default_hooks.values(), *(config.custom_hooks or ())]
    return [hook["type"] for hook in hooks if hook]


@pytest.mark.parametrize(("named", "listed"), [*itertools.product(NAMED, LISTED)])
def test_protection_stays_however_hooks_are_written(named, listed):
    config = with_hooks(NAMED[named], LISTED[listed])
    if (named, listed) == ("averaged", "ema"):
        with pytest.raises(ConfigError, match=r"default_hooks\.mine and custom_hooks\.0 are both"):
            final_config(config)
        return
    found = types(final_config(config))
    wanted = {hook["type"] for hook in PROTECTION.values()}
    if named == "mmengines_checkpoints":
        wanted = wanted - {"DurableCheckpointHook"} | {"CheckpointHook"}
    assert wanted <= {*found}
    assert len(found) == len({*found})


@pytest.mark.parametrize(
    ("named", "listed", "says"),
    [
        ([dict(type="LoggerHook")], [], r"default_hooks=\[.*expected a dict, or None"),
        ({}, "EMAHook", "custom_hooks='EMAHook'; expected a list"),
        ({}, ["EMAHook"], r"custom_hooks=\['EMAHook'\]; expected a list of dicts"),
        ({}, [None], r"custom_hooks=\[None\]; expected a list of dicts"),
        (dict(logger="LoggerHook"), [], r"default_hooks\.logger='LoggerHook'.*or None"),
        ({}, [EMA, dict(EMA, momentum=0.1)], r"custom_hooks\.0 and custom_hooks\.1 are both"),
        ({}, [dict(EMA, begin_iter=2, begin_epoch=2)], "begin_epoch and begin_iter"),
        ({}, [dict(EMA, begin_epoch=99)], r"begin_epoch=99, and the training has 4 epochs"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(named, listed, says):
    with pytest.raises(ConfigError, match=says):
        final_config(with_hooks(named, listed))


def test_an_average_that_begins_after_the_last_iteration_is_refused():
    config = final_config(with_hooks({}, [dict(EMA, begin_iter=41)]))
    check_lengths(config, 4, 11)
    with pytest.raises(ConfigError, match=r"begin_iter=41, and the training has 40 iterations"):
        check_lengths(config, 4, 10)


@pytest.mark.parametrize("name", ["safe_checkpoint", "sampler_seed", "param_scheduler"])
def test_a_hook_that_is_switched_off_is_missed_aloud(name, caplog):
    MMLogger.get_current_instance().addHandler(caplog.handler)
    config = load_config(BRANCHED)
    kind = config.default_hooks[name].type
    final_config(config)
    assert f"{name} is None" not in caplog.text
    config.default_hooks[name] = None
    final_config(config)
    assert f"default_hooks.{name} is None: " in caplog.text
    caplog.clear()
    config.custom_hooks = [dict(type=kind)]
    final_config(config)
    assert f"{name} is None" not in caplog.text
