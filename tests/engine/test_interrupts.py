"""A run that gets a signal is saved and resumes exactly."""

from __future__ import annotations

import pytest
from dev.endurance.run_difference import run_differences

from mtl_plugins.checkpoints import latest_checkpoint
from mtl_plugins.engine.hooks import InterruptHook
from mtl_plugins.errors import ConfigError
from tests.engine.tiny_run import run, tiny_config

# All state that an interrupt could lose: averaged weights, accumulated gradients (also across
# epochs), a balancer's parameters, samples that workers have loaded in advance.
FULL = [
    "optim_wrapper.accumulative_counts=2",
    "model.balancer._delete_=True",
    "model.balancer.type=LossBalancer",
    "model.balancer.scalarizer=UW",
    "train_dataloader.num_workers=1",
    "train_dataloader.persistent_workers=True",
]
EMA = dict(type="EMAHook", momentum=0.1)


def sent(signal, moment, iteration):
    return dict(type="SignalHook", signal=signal, moment=moment, iteration=iteration)


@pytest.fixture(scope="module")
def whole(scene_options, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    code, output = run(tiny_config(scene_options, *FULL, hooks=[EMA]), folder)
    assert code == 0, output
    return folder


@pytest.mark.parametrize(
    ("moment", "position"),
    [
        (("SIGTERM", "train", 4), (1, 5)),  # within an epoch and an accumulation
        (("SIGINT", "val", 1), (1, 3)),
    ],
    ids=["train", "val"],
)
@pytest.mark.slow
def test_an_interrupted_run_ends_like_an_uninterrupted_one(
    scene_options, whole, tmp_path, moment, position
):
    config = tiny_config(scene_options, *FULL, hooks=[EMA, sent(*moment)])
    code, output = run(config, tmp_path)
    assert code == 75, output
    assert f"Interrupted by {moment[0]}" in output and "Traceback" not in output
    path, state = latest_checkpoint(str(tmp_path))
    assert path.endswith("interrupted.pth")
    assert (state["meta"]["epoch"], state["meta"]["iter"]) == position
    code, output = run(config, tmp_path, seed=None)  # the checkpoint has it
    assert code == 0, output
    assert run_differences(str(whole), str(tmp_path)) == []


def test_an_unknown_signal_is_refused():
    with pytest.raises(ConfigError, match="SIGNONE"):
        InterruptHook(signals=["SIGNONE"])
