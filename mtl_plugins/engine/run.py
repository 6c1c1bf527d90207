"""Train and evaluate from a config, as the commands do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import NoneType

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from ..checkpoints import check_file, latest_checkpoint, load_resumable
from ..config import building, check_split, run_config
from ..errors import ConfigError
from ..evaluation import StreamingMetric
from ..report import write_image_scores, write_results
from ..utils import check_results, warn
from .hooks import cut_curves
from .processes import check_launcher, join_processes, lost_processes_reported
from .runner import MultiTaskRunner


def train(
    config: Config | str | os.PathLike[str],
    work_dir: str | None = None,
    resume: str | None = None,
    amp: bool = False,
    launcher: str | None = None,
    seed: int | None = None,
    detect_anomaly: bool = False,
    options: Sequence[str] = (),
) -> Runner:
    """Train the model of a config, and validate it as the config says.

    Args:
        config: a config file, or a config as from `load_config`.
        work_dir: folder of logs, checkpoints and pictures; default: the config's, or
            `work_dirs/<config name>`.
        resume: path of a checkpoint to resume from, or "auto" for the newest one in `work_dir`.
        amp: mixed precision, in bfloat16 if the device supports it.
        launcher: "none", "pytorch" (torchrun), "slurm" or "mpi"; default: the config's, or "none".
        seed: seed of all random numbers.
        detect_anomaly: stop at the first operation whose gradient is NaN, and name it; slow.
        options: `dotted.key=value` laid over the config, as in `load_config`.

    Returns:
        The runner, after training.

    Raises:
        ConfigError: as `load_config`, or the config names a metric that is not measured.
        CheckpointError: no training can be resumed from `resume`.

    Example:
        runner = train("configs/mtl_branched.py", options=["train_cfg.max_epochs=2"])
    """
    config = run_config(config, options, work_dir, launcher, amp, seed)
    check_launcher(config.launcher)
    resume = resume or _resumed_by(config)
    set_up_process(config)
    _open_log(config)
    if resume is not None:
        resume_from(config, resume)
        if not config.resume:
            cut_curves(config.work_dir, {})  # the run was stopped before its first checkpoint
    elif found := sorted(Path(config.work_dir).glob("*.pth")):
        warn(
            f"{config.work_dir} holds checkpoints of an earlier run, such as {found[-1].name}, and "
            "this one starts anew and overwrites them. To go on from them, use --resume."
        )
    anomalies = torch.autograd.set_detect_anomaly(detect_anomaly)
    with building(config), lost_processes_reported(), anomalies:
        runner = MultiTaskRunner.from_cfg(config)
        runner.train()
    return runner


def evaluate(
    config: Config | str | os.PathLike[str],
    checkpoint: str,
    work_dir: str | None = None,
    launcher: str | None = None,
    results: str | None = None,
    options: Sequence[str] = (),
    per_image: str | None = None,
) -> dict[str, float]:
    """Evaluate a checkpoint on the test data of a config and return the metrics by name.

    Args:
        config: a config file, or a config as from `load_config`.
        checkpoint: file of a model of this config.
        work_dir, launcher: as in `train`.
        results: JSON file that also gets the metrics, the scores of the classes and the confusion
            matrix.
        options: `dotted.key=value` laid over the config, as in `load_config`.
        per_image: CSV file that gets the metrics of every image.

    Raises:
        CheckpointError: the checkpoint has other weights than the config's model.
        ConfigError: a file for the results cannot be written.

    Example:
        miou = evaluate("configs/mtl_branched.py", "work_dirs/try/epoch_4.pth")["semseg/mIoU"]
    """
    config = run_config(config, options, work_dir, launcher, training=False)
    check_launcher(config.launcher)
    check_split(config, "test")
    check_results(results, per_image)
    if "://" not in checkpoint:
        check_file(checkpoint)
    set_up_process(config)
    _open_log(config)
    config.load_from, config.resume = checkpoint, False
    with building(config), lost_processes_reported():
        runner = MultiTaskRunner.from_cfg(config)
        evaluators = [
            each for each in runner.test_evaluator.metrics if isinstance(each, StreamingMetric)
        ]
        for each in evaluators:
            each.per_image = per_image is not None
        metrics = runner.test()
    if per_image is not None and is_main_process():
        write_image_scores(per_image, evaluators)
    if results is not None and is_main_process():
        write_results(results, metrics, runner.test_evaluator.metrics, checkpoint)
    return metrics


def _resumed_by(config: Config) -> str | None:
    """Return what a config resumes from, as `resume` of `train`; None: it does not say so.

    In mmengine `resume=True` means `load_from`, and without it the newest one in the work dir.
    """
    resume = config.get("resume")
    if not isinstance(resume, (bool, NoneType)):
        raise ConfigError(
            f"resume={resume!r}; expected True or False. Name a checkpoint with --resume, or with "
            "resume=True and load_from."
        )
    return (config.get("load_from") or "auto") if resume else None


def set_up_process(config: Config) -> None:
    """Change the process as a `run_config` asks: allow TF32, and on CPUs join the other processes.

    Raises:
        ConfigError, LostProcessError: see `join_processes`.
    """
    set_tf32((config.get("env_cfg") or {}).get("tf32"))
    if not torch.cuda.is_available():
        join_processes(config)


def set_tf32(allowed: bool | None) -> None:
    """Allow TF32 in all float32 matrix products and convolutions on a GPU, or in none.

    None keeps torch's default, TF32 in convolutions alone. TF32 has float32's range and 10 bits of
    its 23-bit fraction.
    """
    if allowed is not None:
        torch.backends.cuda.matmul.allow_tf32 = allowed
        torch.backends.cudnn.allow_tf32 = allowed


def resume_from(config: Config, checkpoint: str) -> None:
    """Let a run resume from a checkpoint, or with "auto" from the newest one in the work dir.

    The run keeps its seed. If there is no newest one, it starts anew, from the config's `load_from`
    if there is one; mmengine would always resume from that.

    Raises:
        CheckpointError: the checkpoint is damaged or holds weights only.
    """
    state: dict | None
    if checkpoint == "auto":
        path, state = latest_checkpoint(config.work_dir) or (config.get("load_from"), None)
    else:
        # A remote file is checked after its download.
        path, state = checkpoint, {} if "://" in checkpoint else load_resumable(checkpoint)
    config.resume, config.load_from = state is not None, path
    seed = state["meta"].get("seed") if state else None
    given = (config.get("randomness") or {}).get("seed")
    if seed is not None and seed != given:
        if given is not None:
            warn(f"The run goes on with its own seed {seed}; {given} is not used.")
        # mmengine builds the loader before it reads the checkpoint.
        config.randomness = dict(config.get("randomness") or {}, seed=seed)


def _open_log(config: Config) -> None:
    """Make the work dir and check that TensorBoard is installed, before anything is built."""
    try:
        os.makedirs(config.work_dir, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The work dir {config.work_dir} cannot be made: {error.strerror}. Give another "
            "(--work-dir)."
        ) from error
    backends = (config.get("visualizer") or {}).get("vis_backends") or ()
    wanted = any(backend.get("type") == "TensorboardVisBackend" for backend in backends)
    if wanted and find_spec("tensorboard") is None:
        raise ConfigError(
            "The config logs to TensorBoard, which is not installed. Run: pip install tensorboard; "
            "or leave its TensorboardVisBackend out of visualizer.vis_backends."
        )
