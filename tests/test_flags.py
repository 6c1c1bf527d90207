"""An argument of a command and `--cfg-options` never set the same value, and no default wins."""

from __future__ import annotations

import runpy

import pytest

from mtl_plugins.config import load_config, run_config, with_pictures, with_views
from mtl_plugins.engine import run
from mtl_plugins.errors import ConfigError
from tests.config.test_config import BRANCHED
from tests.conftest import ROOT

CKPT = "no.pth"
CALLS = [
    ("train.py", [BRANCHED, "--work-dir", "a"], "work_dir=b"),
    ("train.py", [BRANCHED, "--launcher", "slurm"], "launcher=none"),
    ("train.py", [BRANCHED, "--seed", "1"], "randomness.seed=2"),
    ("train.py", [BRANCHED, "--seed", "1"], "randomness=dict(seed=2)"),
    ("train.py", [BRANCHED, "--amp"], "optim_wrapper.type=OptimWrapper"),
    ("train.py", [BRANCHED, "--amp"], "optim_wrapper={'type': 'OptimWrapper'}"),
    ("train.py", [BRANCHED, "--resume"], "resume=False"),
    ("test.py", [BRANCHED, CKPT, "--work-dir", "a"], "work_dir=b"),
    ("test.py", [BRANCHED, CKPT, "--launcher", "slurm"], "launcher=none"),
    ("test.py", [BRANCHED, CKPT, "--tta", "0.5"], "model.test_cfg.tta.scales=[1,2]"),
    ("test.py", [BRANCHED, CKPT, "--tta", "--merge", "max"], "model.test_cfg.tta.merge=mean"),
    ("test.py", [BRANCHED, CKPT, "--tta", "--no-flip"], "model.test_cfg.tta.flip=True"),
    ("test.py", [BRANCHED, CKPT, "--slide", "64", "64"], "model.test_cfg.mode=whole"),
    ("test.py", [BRANCHED, CKPT, "--slide", "64", "64"], "model.test_cfg.stride=(3,3)"),
    ("test.py", [BRANCHED, CKPT, "--show-dir", "a"], "default_hooks.panels.num_images=3"),
    ("test.py", [BRANCHED, CKPT, "--save", "a"], "default_hooks.save_predictions.folder=b"),
    ("browse_data.py", [BRANCHED, "--out", "a", "--seed", "1"], "randomness.seed=2"),
    ("ladder.py", [BRANCHED, "--out", "a", "--seeds", "1", "2"], "randomness.seed=3"),
    ("ladder.py", [BRANCHED, "--out", "a"], "work_dir=b"),
    ("sweep.py", [BRANCHED, "space.py", "--out", "a"], "work_dir=b"),
    ("affinity.py", [BRANCHED, "--work-dir", "a"], "work_dir=b"),
]


@pytest.mark.parametrize(("tool", "arguments", "option"), CALLS)
def test_a_flag_and_an_option_contradict_each_other(tool, arguments, option, command, capsys):
    with pytest.raises(SystemExit) as end:
        command(tool, *arguments, "--cfg-options", "log_level=INFO", option)
    assert end.value.code == 2
    assert f"and --cfg-options {option} set the same" in capsys.readouterr().err


def test_equal_values_and_other_parts_are_no_contradiction(monkeypatch):
    monkeypatch.syspath_prepend(f"{ROOT}/tools")
    parser = runpy.run_path(f"{ROOT}/tools/arguments.py")
    made = parser["command_parser"]("", "", dict(seed=["randomness.seed"], amp=["a.type"]))
    parser["add_config"](made)
    made.add_argument("--seed", type=int)
    made.add_argument("--amp", action="store_true")
    for options in (["randomness.seed=3"], ["randomness.deterministic=True"], ["a.types=1"]):
        assert made.parse_args(["c", "--seed", "3", "--amp", "--cfg-options", *options]).seed == 3
    assert made.parse_args(["c", "--cfg-options", "randomness.seed=3", "a.type=B"]).seed is None


def test_a_default_beats_no_value_of_the_config():
    options = ["work_dir=mine", "launcher=pytorch", "randomness.seed=7"]
    config = run_config(BRANCHED, options)
    assert (config.work_dir, config.launcher) == ("mine", "pytorch")
    assert config.randomness.seed == 7
    assert run_config(BRANCHED, options, launcher="none").launcher == "none"
    tta = dict(scales=(0.5,), flip=False, merge="max")
    config = load_config(BRANCHED)
    config.model.test_cfg = dict(tta=tta, batch=3)
    for given, changed in (
        (dict(scales=()), {}),
        (dict(scales=(1.0, 2.0)), dict(scales=(1.0, 2.0))),
        (dict(scales=(), merge="mean"), dict(merge="mean")),
        (dict(scales=(), flip=True), dict(flip=True)),
    ):
        found = with_views(config, **given).model.test_cfg
        assert found == dict(tta={**tta, **changed}, batch=3)
    hook = dict(type="SavePredictionsHook", folder="here", tasks=["depth"])
    config.default_hooks.save_predictions = hook
    assert with_pictures(config, save_dir="there").default_hooks.save_predictions == dict(
        hook, folder="there"
    )


@pytest.mark.parametrize("kind", ["AmpOptimWrapper", "MyOptimWrapper"])
def test_amp_replaces_no_wrapper_of_the_user(kind):
    config = load_config(BRANCHED)
    for plain in ("OptimWrapper", "AutocastOptimWrapper"):
        config.optim_wrapper.type = plain
        assert run_config(config, amp=True).optim_wrapper.type == "AutocastOptimWrapper"
    config.optim_wrapper.type = kind
    with pytest.raises(
        ConfigError, match=rf"--amp sets .* and the config has '{kind}'|needs a GPU|registered"
    ):
        run_config(config, amp=True)


def test_a_config_may_say_itself_that_it_resumes():
    """As in mmengine."""
    for values, expected in (
        (dict(resume=True), "auto"),
        (dict(resume=True, load_from="a.pth"), "a.pth"),
        (dict(resume=False, load_from="a.pth"), None),
        (dict(), None),
    ):
        config = load_config(BRANCHED)
        config.update(values)
        assert run._resumed_by(config) == expected
    config.resume = "auto"
    with pytest.raises(ConfigError, match="resume='auto'; expected True or False"):
        run._resumed_by(config)
