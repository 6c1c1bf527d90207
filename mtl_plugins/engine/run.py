"""Training and evaluating from a config: what the commands do."""

from __future__ import annotations

import logging
import os
import os.path as osp
from collections.abc import Sequence
from importlib.util import find_spec

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.runner import Runner

from ..checkpoints import check_file, latest_checkpoint, load_resumable
from ..config import as_config, check_metric_names, check_split, copied, set_rules, task_kinds
from ..errors import ConfigError
from ..evaluation import main_measures
from ..report import write_results
from ..targets import DEPTH, SEMSEG, SEVERAL_TASKS
from .distributed.processes import check_processes, lost_process_told, prepare_for_cpu
from .hooks import cut_curves
from .loop.runner import MultiTaskRunner


def train(
    config: Config | str | os.PathLike[str],
    work_dir: str | None = None,
    resume: str | None = None,
    amp: bool = False,
    launcher: str = "none",
    seed: int | None = None,
    detect_anomaly: bool = False,
    options: Sequence[str] = (),
) -> Runner:
    """Train the model of a config, and validate it as the config says.

    Args:
        config: a config file, or as from `load_config`.
        work_dir: where logs, checkpoints and pictures go; default: the config's, or
            `work_dirs/<config name>`.
        resume: a checkpoint's path to go on from, or "auto" for the last one of `work_dir`.
        amp: mixed precision, bfloat16 where the device can.
        launcher: "none", "pytorch" (torchrun), "slurm" or "mpi".
        seed: seed of everything random.
        detect_anomaly: stop at the first operation whose gradient is NaN, and name it; slow.
        options: `dotted.key=value` laid over the config, as in `load_config`.

    Returns:
        The runner, after training.

    Raises:
        ConfigError: as of `load_config`; or a metric that the config goes by is not measured.
        CheckpointError: `resume` names no checkpoint that can be gone on from.

    Example:
        runner = train("configs/mtl_branched.py", options=["train_cfg.max_epochs=2"])
    """
    config = prepared(as_config(config, options), work_dir, launcher)
    if amp:
        config.optim_wrapper.type = "AutocastOptimWrapper"
    if seed is not None:
        config.randomness = dict(config.get("randomness") or {}, seed=seed)
    _open_log(config)
    if resume is not None:
        config = resumed(config, resume)
        if not config.resume:
            cut_curves(config.work_dir, {})  # it was stopped before its first checkpoint
    with lost_process_told(), torch.autograd.set_detect_anomaly(detect_anomaly):
        runner = MultiTaskRunner.from_cfg(config)
        runner.train()
    return runner


def evaluate(
    config: Config | str | os.PathLike[str],
    checkpoint: str,
    work_dir: str | None = None,
    launcher: str = "none",
    results: str | None = None,
    options: Sequence[str] = (),
) -> dict[str, float]:
    """Evaluate a checkpoint on the test data of a config and return the metrics by name.

    Args:
        config: a config file, or as from `load_config`.
        checkpoint: file of a model of this config.
        work_dir, launcher: as in `train`.
        results: also write the metrics, the classes' scores and the confusion matrix there, JSON.
        options: `dotted.key=value` laid over the config, as in `load_config`.

    Raises:
        CheckpointError: the checkpoint's weights are not those of the config's model.

    Example:
        miou = evaluate("configs/mtl_branched.py", "work_dirs/try/epoch_4.pth")["semseg/mIoU"]
    """
    config = as_config(config, options)
    check_split(config, "test")
    _check_checkpoint(checkpoint)
    config = prepared(config, work_dir, launcher)
    _open_log(config)
    with lost_process_told():
        runner = MultiTaskRunner.from_cfg(config)
        # mmengine by itself would leave random whatever the checkpoint lacks.
        runner.load_checkpoint(checkpoint, strict=True)
        metrics = runner.test()
    if results is not None and is_main_process():
        write_results(results, metrics, runner.test_evaluator.metrics, checkpoint)
    return metrics


def resumed(config: Config, checkpoint: str) -> Config:
    """Return a config that goes on from a checkpoint, or ("auto") from the work dir's last one.

    The run keeps its seed. Without a last one it starts anew, from `load_from` where the config has
    one; mmengine by itself would always go on from that.

    Raises:
        CheckpointError: the checkpoint is damaged or holds weights only.
    """
    if checkpoint == "auto":
        path, state = latest_checkpoint(config.work_dir) or (config.get("load_from"), None)
    else:
        # What is elsewhere is looked at when it has been fetched.
        path, state = checkpoint, {} if "://" in checkpoint else load_resumable(checkpoint)
    config = Config(
        dict(config.to_dict(), resume=state is not None, load_from=path), filename=config.filename
    )
    if state:
        _keep_seed(config, state["meta"].get("seed"))
    return config


def _keep_seed(config: Config, seed: int | None) -> None:
    """Go on with a checkpoint's seed: the loader is built before mmengine looks at it."""
    randomness = config.get("randomness") or {}
    given = randomness.get("seed")
    if seed is None or seed == given:
        return
    if given is not None:
        print_log(
            f"The run goes on with its own seed {seed}; {given} is not used.",
            logger="current",
            level=logging.WARNING,
        )
    config.randomness = dict(randomness, seed=seed)


def _check_checkpoint(path: str) -> None:
    """Raise, before anything is built, where a local checkpoint does not exist."""
    if "://" not in path:
        check_file(path)


def _open_log(config: Config) -> None:
    """Make the work dir, and look for TensorBoard, before anything is built."""
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


def prepared(config: Config, work_dir: str | None, launcher: str) -> Config:
    """Return a copy of the config with its work dir and launcher, fit for this machine."""
    config = copied(config)
    name = osp.splitext(osp.basename(config.filename or "run"))[0]
    config.work_dir = work_dir or config.get("work_dir") or osp.join("work_dirs", name)
    config.launcher = launcher
    check_processes(config)
    _choose_best_metric(config)
    check_metric_names(config)
    set_rules(config)
    if config.get("optim_wrapper"):
        config.optim_wrapper.setdefault("constructor", "BalancedOptimWrapperConstructor")
    set_tf32((config.get("env_cfg") or {}).get("tf32"))
    if not torch.cuda.is_available():
        prepare_for_cpu(config)
    return config


def set_tf32(allowed: bool | None) -> None:
    """Allow TF32 in all float32 matrix products and convolutions on a GPU, or in none.

    None leaves everything as torch has it: in convolutions alone. TF32 keeps float32's range and
    10 bits of its 23-bit fraction.
    """
    if allowed is not None:
        torch.backends.cuda.matmul.allow_tf32 = allowed
        torch.backends.cudnn.allow_tf32 = allowed


def _choose_best_metric(config: Config) -> None:
    """Keep the best checkpoint by a metric that the model's tasks have."""
    hook = (config.get("default_hooks") or {}).get("checkpoint") or {}
    kinds = task_kinds(config)
    # The score needs both.
    if hook.get("save_best") != f"{SEVERAL_TASKS}/score" or {SEMSEG.kind, DEPTH.kind} <= kinds:
        return
    for kind, measure in main_measures().items():
        if kind in kinds:
            rule = "less" if measure.better == "lower" else "greater"
            hook.update(save_best=measure.name, rule=rule)
            return
