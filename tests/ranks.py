"""Several processes of one run on this machine, started by hand and ended whatever happens."""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import sys
import time
import traceback
from contextlib import contextmanager

import torch
from mmengine.logging import MMLogger

from mtl_plugins.utils import run_command


@contextmanager
def ranks(world, function, folder, *args):
    """Fork processes that call `function(rank, *args)`, as a command would; kill what is left.

    What rank r prints is in `folder/rank_<r>.txt`.
    """
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    given = [(rank, world, port, function, folder, args) for rank in range(world)]
    processes = [context.Process(target=_main, args=each) for each in given]
    try:
        for process in processes:
            process.start()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.join()


def run_ranks(world, function, folder, *args, seconds=60):
    """Wait for the processes to end by themselves; return their exit codes and what they printed.

    Fails where one has not ended after so many seconds.
    """
    with ranks(world, function, folder, *args) as processes:
        end = time.monotonic() + seconds
        for process in processes:
            process.join(max(0.0, end - time.monotonic()))
        codes = [process.exitcode for process in processes]
    output = [(folder / f"rank_{rank}.txt").read_text() for rank in range(world)]
    assert None not in codes, f"{codes}: a process hangs\n" + "\n".join(output)
    return codes, output


def _main(rank, world, port, function, folder, args):
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world), MASTER_ADDR="localhost",
        MASTER_PORT=str(port),
    )  # fmt: skip
    torch.set_num_threads(1)
    with open(folder / f"rank_{rank}.txt", "w", buffering=1) as file:
        os.dup2(file.fileno(), 2)
        sys.stdout = sys.stderr = file
        # Loggers of earlier tests write to streams that are closed by now.
        MMLogger._instance_dict.clear()
        for logger in (logging.root, *logging.root.manager.loggerDict.values()):
            if isinstance(logger, logging.Logger):
                logger.handlers.clear()
        try:
            run_command(function, rank, *args)
        except Exception:
            traceback.print_exc()  # while the file is open
            sys.exit(1)
