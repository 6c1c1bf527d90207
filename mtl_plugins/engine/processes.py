"""Start and end several processes that train one model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from mmengine.config import Config
from mmengine.dist import all_reduce_params
from torch import distributed, nn
from torch.nn.modules.batchnorm import _NormBase

from ..errors import ConfigError, MTLError

VARIABLES = {
    "pytorch": dict(RANK="RANK", WORLD_SIZE="WORLD_SIZE", LOCAL_RANK="LOCAL_RANK"),
    "slurm": dict(RANK="SLURM_PROCID", WORLD_SIZE="SLURM_NTASKS", LOCAL_RANK="SLURM_LOCALID"),
    "mpi": dict(
        RANK="OMPI_COMM_WORLD_RANK",
        WORLD_SIZE="OMPI_COMM_WORLD_SIZE",
        LOCAL_RANK="OMPI_COMM_WORLD_LOCAL_RANK",
    ),
}
"""Variables that torch reads, and the names under which each launcher sets their values."""

STARTS = {
    "pytorch": "torchrun --nproc_per_node=2 tools/train.py CONFIG --launcher pytorch",
    "slurm": "srun --kill-on-bad-exit=1 python tools/train.py CONFIG --launcher slurm",
    "mpi": "mpirun -np 2 python tools/train.py CONFIG --launcher mpi",
}
"""Command that starts several processes, by launcher."""

TIMEOUT = 600
"""Seconds that a process waits for the others where `env_cfg.dist_cfg.timeout` is not set."""

LOST = ("gloo/transport", "ncclRemoteError", "store->get")
"""Parts of the messages of a lost process from gloo, NCCL, and NCCL's set-up.

Gloo raises plain RuntimeErrors and NCCL one type for all its faults, so only the text says more.
"""


class LostProcessError(MTLError, RuntimeError):
    """Another process of the run has ended or does not answer; this process has no fault."""

    exit_code = 69
    """EX_UNAVAILABLE of sysexits.h; distinguishes it in scripts from an error of this process."""


def check_launcher(launcher: str) -> None:
    """Raise a `ConfigError` if a variable is missing that the launcher of this process sets."""
    missing = [name for name in VARIABLES.get(launcher, {}).values() if name not in os.environ]
    if missing:
        raise ConfigError(
            f"--launcher {launcher} needs the variables that it sets, and {missing[0]} is "
            f"not there. Start with `{STARTS[launcher]}`."
        )


def join_processes(config: Config) -> None:
    """Join the other processes of a run on CPUs, which then communicate by gloo.

    On GPUs mmengine does this; on CPUs it would choose a CUDA device for each process. The
    variables `MASTER_ADDR` and `MASTER_PORT` name the host and port of the first process; torchrun
    sets them. Nothing happens for a single process, or in a group that exists.

    Raises:
        ConfigError: SLURM or MPI started the processes, and `MASTER_ADDR` is not set.
        LostProcessError: not all joined within `env_cfg.dist_cfg.timeout` seconds.
    """
    if config.launcher == "none" or distributed.is_initialized():
        return
    if "MASTER_ADDR" not in os.environ:
        raise ConfigError(
            "MASTER_ADDR, the host of the first process, is not set; in a script of SLURM: "
            "export MASTER_ADDR=$(scontrol show hostnames $SLURM_JOB_NODELIST | head -n 1)"
        )
    os.environ.setdefault("MASTER_PORT", "29500")
    for name, theirs in VARIABLES[config.launcher].items():
        os.environ[name] = os.environ[theirs]
    seconds = ((config.get("env_cfg") or {}).get("dist_cfg") or {}).get("timeout", TIMEOUT)
    with lost_processes_reported():
        distributed.init_process_group("gloo", timeout=timedelta(seconds=seconds))


def average_statistics(*models: nn.Module) -> None:
    """Average running means and variances of batch normalisation over all processes, in place.

    Each process updates them with its own images. Without the average, each would validate a
    different network, and none would validate that of the checkpoint.
    """
    norms = [m for model in models for m in model.modules() if isinstance(m, _NormBase)]
    statistics = [b for norm in norms for b in (norm.running_mean, norm.running_var)]
    all_reduce_params([each for each in statistics if each is not None], op="mean")


@contextmanager
def lost_processes_reported() -> Iterator[None]:
    """Turn torch's errors about another process that has ended into a `LostProcessError`."""
    try:
        yield
    except RuntimeError as error:
        if not _is_of_lost_process(error):
            raise
        text = str(error).partition("\n")[0]
        raise LostProcessError(
            f"Another process of this run has ended, or has not answered in time ({text}). Its own "
            "message, in its output or the launcher's, is the reason; if it has none, it was "
            "killed (for its memory? see `dmesg`). --resume goes on from the last checkpoint, with "
            "any number of processes."
        ) from error


def _is_of_lost_process(error: RuntimeError) -> bool:
    if isinstance(error, MTLError):
        return False
    text = str(error)
    if isinstance(error, (distributed.DistStoreError, distributed.DistNetworkError)):
        return "EADDRINUSE" not in text  # the port is taken by another run
    return any(part in text for part in LOST)
