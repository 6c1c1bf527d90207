"""The commands of tools/ as a user calls them."""

from __future__ import annotations

import logging
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile

from mmengine.logging import MessageHub, MMLogger
from mmengine.visualization import Visualizer

from tests.conftest import ROOT

SMALL = [
    "model.backbone.model_name=test_resnet",
    "model.decode_head.decoder.channels=8",
    "train_cfg.val_interval=1",
]
PLAIN = ["default_hooks.panels.num_images=0", "default_hooks.summary.image_blind=False"]
"""Draw and compare nothing at the end."""

SECONDS = 120


def call(tool, *args, check=True, fresh=False, cwd=ROOT):
    """Run a command in a process of its own and return its result.

    The process is a fork of this one, which spares it the seconds of importing; `fresh`: a new one.
    """
    tool = os.path.join(ROOT, "tools", tool)
    args = [*map(str, args)]
    if fresh:
        result = subprocess.run(
            [sys.executable, tool, *args], capture_output=True, text=True, cwd=cwd,
            env=dict(os.environ, PYTHONPATH=ROOT), timeout=SECONDS,
        )  # fmt: skip
    else:
        result = _forked(tool, args, cwd)
    if check:
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-3000:]
    return result


def start(tool, *args, cwd=ROOT):
    """Start a command in a fork of this process, without output; return the process."""
    tool, args = os.path.join(ROOT, "tools", tool), [*map(str, args)]
    with open(os.devnull, "w") as out, open(os.devnull, "w") as err:
        process = multiprocessing.get_context("fork").Process(
            target=_run, args=(tool, args, cwd, out, err)
        )
        process.start()
    return process


def own_process(out, err):
    """Let a forked process stand on its own: its output in files, its loggers and group new."""
    for descriptor, file in ((1, out), (2, err)):
        file.reconfigure(line_buffering=True)
        os.dup2(file.fileno(), descriptor)
    sys.stdout, sys.stderr = out, err
    # Loggers of earlier tests write to streams that are closed by now. mmengine names a run by the
    # second, and would go on with the parent's visualizer, whose thread a fork does not have.
    for kind in (MMLogger, MessageHub, Visualizer):
        kind._instance_dict.clear()
    for logger in (logging.root, *logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
    os.setsid()  # so that signals to the group reach this process alone


def _forked(tool, args, cwd):
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = multiprocessing.get_context("fork").Process(
            target=_run, args=(tool, args, cwd, out, err)
        )
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError(f"{tool} {' '.join(args)} did not end in {SECONDS} seconds")
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    return subprocess.CompletedProcess([tool, *args], process.exitcode, *texts)


def _run(tool, args, cwd, out, err):
    own_process(out, err)
    os.chdir(cwd)
    sys.path.insert(0, os.path.dirname(tool))
    sys.argv = [tool, *args]
    runpy.run_path(tool, run_name="__main__")
