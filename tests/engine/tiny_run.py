"""Train for seconds, in a separate process that may be killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import suppress

from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mtl_plugins.config import load_config
from mtl_plugins.engine import train
from tests.commands import own_process
from tests.config.test_config import BRANCHED

TINY = [
    "model.backbone.model_name=test_resnet",
    "model.decode_head.decoder.channels=8",
    "model.decode_head.decoder.dropout=0.3",
    "train_cfg.max_epochs=2",
]
"""Two epochs of three batches on the scenes of `scene_options`."""

KEPT_OUT = ("panels", "report", "summary")
"""Hooks that take long and do not change the weights."""


def tiny_config(scene_options, *options, hooks=()):
    config = load_config(BRANCHED, [*scene_options, *TINY, *options])
    config.default_hooks.update(dict.fromkeys(KEPT_OUT))
    config.custom_hooks = [*hooks]
    return config


def run(config, work_dir, resume="auto", seed=5, **options):
    """Train in a forked process; return its exit code and what it printed."""
    work_dir.mkdir(exist_ok=True)
    arguments = dict(work_dir=str(work_dir), resume=resume, seed=seed, **options)
    process = multiprocessing.get_context("fork").Process(
        target=_train, args=(config, work_dir / "output.txt", arguments)
    )
    process.start()
    process.join(60)
    assert process.exitcode is not None, "the run hangs"
    return process.exitcode, (work_dir / "output.txt").read_text()


def _train(config, output, arguments):
    with open(output, "w") as file:
        own_process(file, file)
        train(config, **arguments)


@HOOKS.register_module()
class SignalHook(Hook):
    """Send a real signal to the run and its workers at one moment, once in a work dir."""

    def __init__(self, signal, moment, iteration):
        self.signal, self.moment, self.iteration = signal, moment, iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.send(runner, "train", runner.iter)

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        self.send(runner, "val", batch_idx)

    def send(self, runner, moment, iteration):
        if (moment, iteration) == (self.moment, self.iteration):
            with suppress(FileExistsError):
                os.mkdir(os.path.join(runner.work_dir, "sent"))
                os.killpg(0, getattr(signal, self.signal))
