"""Runs resume with other numbers of processes, and end when one process dies."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
import torch
from mmengine.hooks import Hook
from mmseg.registry import HOOKS
from torch import distributed

from mtl_plugins.datasets import SeededSampler
from mtl_plugins.engine import LostProcessError, train
from mtl_plugins.engine.processes import VARIABLES, lost_processes_reported
from mtl_plugins.errors import ConfigError
from tests.engine.tiny_run import tiny_config
from tests.ranks import run_ranks

LR = 0.01


@pytest.mark.parametrize("start", [0, 3, 6, 7, 10, 12])
@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_the_rest_of_an_epoch_is_distributed_once(world, start):
    samplers = []
    for rank in range(world):
        sampler = SeededSampler(range(10), seed=3)
        sampler.rank, sampler.world_size = rank, world
        samplers.append(sampler)
    order = torch.randperm(10, generator=torch.Generator().manual_seed(3)).tolist()
    for sampler in samplers:
        sampler.start = start
    parts = [[*sampler] for sampler in samplers]
    assert len({len(part) for part in parts}) == 1
    dealt = [index for step in zip(*parts, strict=True) for index in step]
    left = order[start:]
    assert dealt[: len(left)] == left
    assert dealt[len(left) :] == order[: len(dealt) - len(left)] and len(dealt) < len(left) + world


@HOOKS.register_module()
class RecordHook(Hook):
    """Record the images and learning rates of each process, and send one of them a signal."""

    def __init__(self, name="SIGTERM", rank=None, moment="train", iteration=0):
        self.signal, self.rank = signal.Signals[name], rank
        self.moment = (moment, iteration)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        lr = runner.optim_wrapper.get_lr()["lr"][0]
        with open(os.path.join(runner.work_dir, f"trained_{runner.rank}"), "a") as file:
            for sample in data_batch["data_samples"]:
                file.write(f"{runner.epoch} {os.path.basename(sample.img_path)} {lr / LR:.4f}\n")
        self.send(runner, "train", batch_idx)

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        self.send(runner, "val", batch_idx)

    def send(self, runner, *moment):
        if runner.rank == self.rank and moment == self.moment:
            os.kill(os.getpid(), self.signal)


def rank_run(rank, config, folder, launcher="pytorch"):
    for name, theirs in VARIABLES[launcher].items():
        os.environ[theirs] = os.environ.pop(name)
    train(config, str(folder), resume="auto", launcher=launcher, seed=5)


def config_of(scene_options, hook, *options):
    config = tiny_config(
        scene_options, "train_dataloader.batch_size=1", f"optim_wrapper.optimizer.lr={LR}",
        "env_cfg.dist_cfg.timeout=40", *options, hooks=[hook],
    )  # fmt: skip
    config.param_scheduler = [
        dict(type="PolyLR", power=1.0, begin=0, end=2, by_epoch=True, convert_to_iter_based=True)
    ]
    return config


def trained(folder):
    """Return the lines (epoch, image, learning rate) of all processes, and delete their files."""
    lines = []
    for path in sorted(folder.glob("trained_*")):
        lines += [line.split() for line in path.read_text().splitlines()]
        path.unlink()
    return lines


@pytest.mark.slow
def test_two_processes_then_three_then_one_train_every_image_once(scene_options, tmp_path):
    """Six images: two on two processes, three on three, the last one and an epoch on one."""
    everything = []
    # One process takes 12 steps at half the rate of two; the last 7 of the schedule go down to 0.
    last = [f"{left / 11 / 2:.4f}" for left in range(6, -1, -1)]
    for world, code, rates in [(2, 75, ["1.0000"]), (3, 75, ["1.5000"]), (1, 0, last)]:
        hook = dict(type="RecordHook", rank=None if code == 0 else world - 1)
        config = config_of(scene_options, hook)
        config.auto_scale_lr = dict(enable=True, base_batch_size=2)
        codes, output = run_ranks(world, rank_run, tmp_path, config, tmp_path)
        assert codes == [code] * world, output
        lines = trained(tmp_path)
        # The schedule equals that of a run that always had so many processes.
        assert sorted({rate for *_, rate in lines}, reverse=True) == rates
        everything += lines
        assert ("The run goes on with" in output[0]) == (world != 2), output[0]
    assert "with 1 images a step (1 processes); it had 3" in output[0]
    seen = Counter((epoch, image) for epoch, image, _ in everything)
    assert len(seen) == 12 and set(seen.values()) == {1}
    state = torch.load(tmp_path / "epoch_2.pth", weights_only=True)
    assert state["meta"]["iter"] == 1 + 1 + 1 + 6


@pytest.mark.parametrize(("moment", "launcher"), [("train", "pytorch"), ("val", "slurm")])
def test_when_one_dies_the_others_say_so_and_end(scene_options, tmp_path, moment, launcher):
    """No launcher ends the processes here."""
    hook = dict(type="RecordHook", name="SIGKILL", rank=1, moment=moment)
    config = config_of(scene_options, hook)
    codes, output = run_ranks(2, rank_run, tmp_path, config, tmp_path, launcher, seconds=40)
    assert codes == [69, -signal.SIGKILL], output
    assert "Traceback" not in output[0]
    assert "error: Another process of this run has ended" in output[0]
    # Earlier checkpoints are still there.
    assert (tmp_path / "epoch_1.pth").exists() == (moment == "val")


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer"), True),
        (distributed.DistBackendError("NCCL error ... ncclRemoteError: A call failed"), True),
        (distributed.DistBackendError("NCCL error ... ncclInvalidUsage"), False),
        (distributed.DistStoreError("wait timeout after 4000ms, keys: /default_pg/0"), True),
        (distributed.DistNetworkError("The client socket has timed out after 3000ms"), True),
        (distributed.DistNetworkError("code: -98, name: EADDRINUSE, message: in use"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
    ids=str,
)
def test_errors_of_lost_processes_are_recognised(error, lost):
    expected = LostProcessError if lost else type(error)
    with pytest.raises(expected) as raised, lost_processes_reported():
        raise error
    assert isinstance(raised.value, LostProcessError) == lost and str(error) in str(raised.value)


def test_missing_variables_and_unsupported_settings_are_refused(
    monkeypatch, scene_options, tmp_path
):
    for name in ("RANK", "SLURM_PROCID", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)

    def refused(launcher="none", **values):
        config = tiny_config(scene_options)
        config.update(values)
        with pytest.raises(ConfigError) as error:
            train(config, str(tmp_path), launcher=launcher)
        return str(error.value)

    assert "torchrun --nproc_per_node=2" in refused("pytorch")
    assert "SLURM_PROCID is not there. Start with `srun" in refused("slurm")
    for name in ("PROCID", "LOCALID", "NTASKS"):
        monkeypatch.setenv(f"SLURM_{name}", "1")
    if not torch.cuda.is_available():
        assert "export MASTER_ADDR=" in refused("slurm")
        assert "GPUs alone" in refused("slurm", sync_bn="torch")
    sharded = "model_wrapper_cfg=dict(type='ShardedModel')"
    assert sharded in refused(strategy=dict(type="FSDPStrategy"))
    assert sharded in refused(model_wrapper_cfg=dict(type="MMFullyShardedDataParallel"))
