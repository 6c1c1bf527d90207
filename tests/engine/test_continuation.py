"""A resumed run does what its config says, and says what has changed."""

from __future__ import annotations

import copy
import itertools

import pytest
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mtl_plugins.config.schedules import make_plans
from mtl_plugins.engine import train
from tests.engine.tiny_run import tiny_config

ADAM = "optim_wrapper.optimizer"
POLY = dict(type="PolyLR", power=1.0, convert_to_iter_based=True)
WARM_UP = dict(type="LinearLR", start_factor=0.5, end=4, by_epoch=False)
NUMBERS = itertools.count()
RATES: list[float] = []


@HOOKS.register_module()
class RateHook(Hook):
    """Note the learning rate of every iteration."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        RATES.append(runner.optim_wrapper.param_groups[0]["lr"])


def config_of(scene_options, *options, schedules=(WARM_UP, POLY)):
    """A config of epochs of three iterations, without validation."""
    config = tiny_config(scene_options, *options, hooks=[dict(type="RateHook")])
    config.update(dict.fromkeys(("val_dataloader", "val_cfg", "val_evaluator")))
    config.param_scheduler = copy.deepcopy([*schedules]) or None
    config.default_hooks.checkpoint.update(max_keep_ckpts=-1, save_best=None)
    return config


def rates(config, folder, resume=None):
    """Train; return the learning rates, the log and the optimizer."""
    RATES.clear()
    before = {*folder.glob("*/*.log")}
    # mmengine names a run by the second in which it starts; short ones would share a logger.
    config.experiment_name = f"run{next(NUMBERS)}"
    runner = train(config, str(folder), resume=resume and str(resume), seed=5)
    [log] = {*folder.glob("*/*.log")} - before
    return [*RATES], log.read_text(), runner.optim_wrapper.optimizer


def planned(config):
    """The learning rates of a run with this config, from mmengine's schedules without a run."""
    epochs = config.train_cfg.max_epochs
    [plan] = make_plans(config.to_dict(), epochs, 3 * epochs)
    return plan.rates


@pytest.fixture(scope="module")
def first(scene_options, tmp_path_factory):
    """The checkpoints of a run of two epochs, and its learning rates."""
    folder, config = tmp_path_factory.mktemp("first"), config_of(scene_options)
    found, log, _ = rates(config, folder)
    assert found == planned(config) and len(found) == 6 and SAYS not in log
    return folder / "epoch_1.pth", folder / "epoch_2.pth", found


SAYS = "was trained with other settings: "


def test_an_unchanged_config_goes_on_without_a_word(first, scene_options, tmp_path):
    found, log, _ = rates(config_of(scene_options), tmp_path, resume=first[0])
    assert found == first[2][3:] and SAYS not in log


CHANGES = [
    (["train_cfg.max_epochs=4"], (WARM_UP, POLY), "param_scheduler.1.end 6 -> 12"),
    ([f"{ADAM}.lr=5e-4"], (WARM_UP, POLY), "optimizer.lr 0.001 -> 0.0005"),
    ([], (WARM_UP, dict(POLY, power=0.5)), "param_scheduler.1.power 1 -> 0.5"),
    ([], (), "2 -> 0 schedules"),
    (
        [], (WARM_UP, dict(type="CosineAnnealingLR", convert_to_iter_based=True)),
        "param_scheduler.1 (a CosineAnnealingLR now)",
    ),
    ([], (dict(type="OneCycleLR", eta_max=0.1, by_epoch=False),), "2 -> 1 schedules"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "schedules", "says"), CHANGES)
def test_what_has_changed_is_applied_as_if_it_had_always_been_so(
    options, schedules, says, first, scene_options, tmp_path
):
    config = config_of(scene_options, *options, schedules=schedules)
    found, log, _ = rates(config, tmp_path, resume=first[0])
    assert found == planned(config)[3:]
    assert f"epoch_1.pth {SAYS}" in log and says in log


def test_the_changed_run_goes_on_without_a_word(first, scene_options, tmp_path):
    schedules = (WARM_UP, dict(type="CosineAnnealingLR", convert_to_iter_based=True))
    config = config_of(scene_options, "train_cfg.max_epochs=3", schedules=schedules)
    rates(config, tmp_path / "changed", resume=first[0])
    found, log, _ = rates(config, tmp_path / "on", resume=tmp_path / "changed" / "epoch_2.pth")
    assert found == planned(config)[6:] and SAYS not in log


def test_a_finished_run_can_be_extended(first, scene_options, tmp_path):
    config = config_of(scene_options, "train_cfg.max_epochs=3")
    found, log, _ = rates(config, tmp_path, resume=first[1])
    assert found == planned(config)[6:] and found[0] > 0 == first[2][-1]
    assert f"the learning rate is {found[0]:.3g}, as" in log


def test_another_weight_decay_keeps_averages_and_rates(first, scene_options, tmp_path):
    config = config_of(scene_options, f"{ADAM}.weight_decay=0.1", f"{ADAM}.betas=(0.8, 0.9)")
    found, log, optimizer = rates(config, tmp_path, resume=first[0])
    assert found == first[2][3:]
    assert "optimizer.betas [0.9, 0.999] -> [0.8, 0.9]; optimizer.weight_decay 0 -> 0.1" in log
    assert all(group["weight_decay"] == 0.1 for group in optimizer.param_groups)
    assert {int(state["step"]) for state in optimizer.state.values()} == {6}


def test_another_optimizer_begins_with_new_averages(first, scene_options, tmp_path):
    config = config_of(scene_options, f"{ADAM}.type=SGD", f"{ADAM}.momentum=0.9")
    found, log, optimizer = rates(config, tmp_path, resume=first[0])
    assert found == first[2][3:]
    assert "another optimizer or other groups (its averages begin anew)" in log
    assert all("momentum_buffer" in state for state in optimizer.state.values())


def test_groups_that_differ_begin_with_new_averages(first, scene_options, tmp_path):
    """Then the base learning rate has a group of its own."""
    groups = "optim_wrapper.paramwise_cfg.bias_lr_mult=2"
    config = config_of(scene_options, groups)
    found, log, optimizer = rates(config, tmp_path / "more", resume=first[0])
    assert found == first[2][3:] and "begin anew" in log
    assert {int(state["step"]) for state in optimizer.state.values()} == {3}
    config = config_of(scene_options, groups, f"{ADAM}.lr=2e-3", "train_cfg.max_epochs=3")
    found, log, _ = rates(config, tmp_path / "on", resume=tmp_path / "more" / "epoch_2.pth")
    assert found == planned(config)[6:]
    assert "optimizer.lr 0.001 -> 0.002" in log and "begin anew" not in log


def test_a_training_that_is_shorter_than_its_checkpoint_says_so(first, scene_options, tmp_path):
    config = config_of(scene_options, "train_cfg.max_epochs=1")
    found, log, _ = rates(config, tmp_path, resume=first[1])
    assert found == [] and "has trained 2 epochs, and train_cfg.max_epochs=1: nothing" in log


def test_iterations_are_resumed_too(scene_options, tmp_path):
    def config(length):
        loop = f"dict(_delete_=True, type=IterBasedTrainLoop, max_iters={length})"
        found = config_of(
            scene_options, f"train_cfg={loop}", "train_dataloader.sampler.type=InfiniteSampler",
            schedules=(WARM_UP, dict(type="PolyLR", by_epoch=False)),
        )  # fmt: skip
        found.default_hooks.checkpoint.update(by_epoch=False, interval=2)
        return found

    rates(config(4), tmp_path)
    found, log, _ = rates(config(6), tmp_path / "more", resume=tmp_path / "iter_2.pth")
    [plan] = make_plans(config(6).to_dict(), None, 6)
    assert found == plan.rates[2:] and "param_scheduler.1.end 4 -> 6" in log
