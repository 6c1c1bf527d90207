"""Short trainings of the default config, and what is recorded of them."""

from __future__ import annotations

import logging
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from mtl_plugins import load_config, train
from mtl_plugins.config import run_config
from mtl_plugins.utils import no_logs

from ..bench.steps import build_network
from .case import Settings

DEFAULT = "mtl_branched.py"

WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")
"""Calls of the CUDA runtime after which the processor knows that the device has done its work."""


@HOOKS.register_module()
class RecordingHook(Hook):
    """Keep the losses of every iteration where they are, and when it ended.

    Args:
        profiled: first and last iteration (from 0) of which the runtime's calls are counted.
        poisoned: iteration whose loss becomes NaN.
        stop_after_epoch: end the training after this many epochs.
    """

    priority = "LOWEST"
    last: RecordingHook

    def __init__(
        self,
        profiled: Sequence[int] = (),
        poisoned: int | None = None,
        stop_after_epoch: int | None = None,
    ) -> None:
        RecordingHook.last = self
        self.profiled, self.poisoned = tuple(profiled), poisoned
        self.stop_after_epoch = stop_after_epoch
        self.kept: list[torch.Tensor] = []
        self.begins: list[float] = []
        self.ends: list[float] = []
        self.calls: dict[str, int] = {}
        self.warned: list[str] = []
        self.before: dict[str, torch.Tensor] = {}
        self.unchanged = False

    @property
    def losses(self) -> list[float]:
        """The total loss of every iteration."""
        return torch.stack(self.kept).tolist()

    def pace(self) -> tuple[float, float]:
        """Return milliseconds of an iteration of the second half, and of it those before it began.

        Those are spent waiting for data, and in hooks that run after this one.
        """
        half, last = len(self.ends) // 2, len(self.ends) - 1
        waits = [b - e for b, e in zip(self.begins[half + 1 :], self.ends[half:], strict=False)]
        whole = (self.ends[last] - self.ends[half]) / max(1, last - half)
        return 1e3 * whole, 1e3 * sum(waits) / max(1, len(waits))

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Begin to count; or make this iteration's loss NaN."""
        self.begins.append(time.perf_counter())
        if self.profiled and batch_idx == self.profiled[0]:
            self._profile = profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])
            self._profile.__enter__()
            self._caught = warnings.catch_warnings(record=True)
            self._warnings = self._caught.__enter__()
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
        if batch_idx == self.poisoned:
            model = runner.model
            self.before = {k: v.clone() for k, v in model.state_dict().items()}

            def poison(module: Any, args: Any, losses: dict) -> dict:
                handle.remove()
                return {name: value * float("nan") for name, value in losses.items()}

            handle = model.register_forward_hook(poison)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Keep what the iteration returned."""
        self.kept.append(outputs["loss"].detach().float())
        self.ends.append(time.perf_counter())
        if self.profiled and batch_idx == self.profiled[1]:
            torch.cuda.set_sync_debug_mode("default")
            self._profile.__exit__(None, None, None)
            self._caught.__exit__(None, None, None)
            self.warned = [
                f"{w.filename.rpartition('/')[2]}:{w.lineno}"
                for w in self._warnings
                # The profiler synchronises once when it ends.
                if "synchronizing" in str(w.message) and "torch/cuda/__init__" not in w.filename
            ]
            averages = self._profile.key_averages()
            self.calls = {each.key: each.count for each in averages if each.key in WAITS}
            self.table = averages.table(sort_by="self_cpu_time_total", row_limit=25)
            kernels = [each for each in averages if each.device_type != DeviceType.CPU]
            self.device_ms = sum(each.self_device_time_total for each in kernels) / 1e3
        if batch_idx == self.poisoned:
            after = runner.model.state_dict()
            self.unchanged = all(torch.equal(after[k], v) for k, v in self.before.items())

    def after_train_epoch(self, runner: Runner) -> None:
        """End the training early."""
        if runner.epoch + 1 == self.stop_after_epoch:
            runner.train_loop.stop_training = True


def short_run(
    settings: Settings,
    name: str,
    options: Sequence[str] = (),
    steps: int | None = None,
    epochs: int = 1,
    keep: bool = False,
    resume: str | None = None,
    launcher: str = "none",
    compile: bool | dict[str, Any] = False,
    **recorded: Any,
) -> tuple[Runner, RecordingHook]:
    """Train the default config without validation, and return its runner and what was recorded.

    Args:
        settings: sizes.
        name: of the work dir.
        options: laid over the config.
        steps: iterations of an epoch; default: 50.
        epochs: number of epochs.
        keep: whether checkpoints are written.
        resume, launcher: as in `train`.
        compile: as in `MultiTaskSegmentor`.
        recorded: arguments of `RecordingHook`.
    """
    steps = steps or settings.choose(50, 3)
    batch = settings.choose(8, 2)
    size = settings.choose((128, 256), (32, 64))
    work_dir = settings.scratch("runs", name)
    if not resume:
        shutil.rmtree(work_dir, ignore_errors=True)
    config = _config(
        settings,
        [
            f"train_cfg.max_epochs={epochs}", f"train_dataloader.batch_size={batch}",
            f"train_dataloader.num_workers={settings.choose(4, 0)}",
            f"train_dataloader.persistent_workers={not settings.quick}",
            *options,
        ],
    )  # fmt: skip
    dataset = config.train_dataloader.dataset
    dataset.update(
        counts=dict(train=steps * batch, val=1), size=size,
        data_root=settings.scratch(f"scenes_{size[0]}x{size[1]}_{steps * batch}"),
    )  # fmt: skip
    for part in ("val", "test"):
        for kind in ("dataloader", "evaluator", "cfg"):
            config[f"{part}_{kind}"] = None
    config.model.compile = compile
    config.visualizer = dict(type="Visualizer", vis_backends=[dict(type="LocalVisBackend")])
    config.default_hooks.checkpoint = (
        dict(type="DurableCheckpointHook", interval=1) if keep else None
    )
    config.default_hooks.update(panels=None, report=None)
    config.custom_hooks = [dict(type="RecordingHook", **recorded)]
    with _quiet():
        runner = train(config, work_dir, resume, launcher=launcher, seed=0)
    return runner, RecordingHook.last


def _config(settings: Settings, options: Sequence[str] = ()) -> Config:
    """Return the default config; a tiny network if nothing but running matters."""
    small = [] if not settings.quick else [
        "model.backbone.model_name=test_resnet", "model.decode_head.decoder.channels=8",
        "model.decode_head.decoder.skip_channels=4",
    ]  # fmt: skip
    return load_config(settings.config(DEFAULT), [*small, *options])


def same_start(settings: Settings) -> str:
    """Return the option by which runs of any device begin with the same weights.

    mmengine initialises a network where it is trained, and each device draws other numbers.
    """
    path = settings.scratch("start.pth")
    if not os.path.isfile(path):
        config = run_config(_config(settings), work_dir=settings.scratch("runs", "start"))
        network = build_network(config.model, torch.device("cpu"))
        with _quiet():
            network.init_weights()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        torch.save(network.state_dict(), path)
    return f"load_from={path}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Let each run have its own logger, and say little."""
    MMLogger._instance_dict.clear()
    with no_logs(logging.INFO):
        yield
