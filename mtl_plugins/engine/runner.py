"""Run training and tests: save whole checkpoints, resume exactly, inform hooks of errors."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from multiprocessing import active_children
from multiprocessing.util import Finalize
from threading import current_thread, main_thread
from typing import Any, ClassVar

from mmengine.dist import master_only
from mmengine.hooks import EMAHook
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner
from mmengine.runner.checkpoint import CheckpointLoader
from mmseg.registry import RUNNERS
from torch import nn
from torch.utils.data import DataLoader

from ..checkpoints import MISFIT, CheckpointError
from ..config import check_lengths
from ..datasets import check_foreign_data
from ..errors import ConfigError, MTLError
from ..models.task_heads import try_losses_of
from ..utils import compare, load_into, replaced, unwrapped
from .continuation import Continuation, take_trained_weights
from .processes import average_statistics
from .sharded_model import ShardedModel

MMENGINE_HOOKS = (
    "runtime_info", "timer", "sampler_seed", "logger", "param_scheduler", "checkpoint",
)  # fmt: skip
"""The `default_hooks` that mmengine registers if a config does not name them."""

GRACE = 30
"""Seconds that a loader's worker survives SIGTERM, enough to save a checkpoint."""


class SaveError(MTLError, OSError):
    """A checkpoint could not be written; earlier ones are unchanged."""


@RUNNERS.register_module()
class MultiTaskRunner(Runner):
    """Extend mmengine's `Runner` by atomic checkpoints, strict resuming and hooks for errors.

    - A checkpoint gets its name only when it is completely on the disk (see `replaced`).
    - A run resumes only from a checkpoint with exactly the weights of its model; mmengine would
      leave missing weights random.
    - A run can resume with another config, number of processes or batch size (see `Continuation`).
    - Hooks may define `after_failure(runner, error)`, called if training or testing raises, which
      may raise a better error, and `after_stop(runner)`, called at every end.
    - Any hook of `default_hooks` can be switched off with None, not only mmengine's own.
    - Two runs of a process never begin in the same second, by which mmengine names a run: the
      second one would go on with the logger, the curves and the best score of the first.
    - Loader workers survive signals to the run (SIGTERM, SIGINT) for `GRACE` seconds.
    """

    _timestamp: str

    started: ClassVar[tuple[int, str]] = (0, "")
    """Process and time, to the second, in which the latest run began."""

    tests: bool = False
    """Whether weights are loaded for a test, which needs all of them."""

    continuation: Continuation | None = None
    """What a run that is being resumed compares its checkpoint with."""

    def setup_env(self, env_cfg: dict) -> None:
        """Set the run's environment and time, in a second of its own."""
        super().setup_env(env_cfg)
        process = os.getpid()
        while (process, self._timestamp) == MultiTaskRunner.started and not self._distributed:
            time.sleep(0.05)
            self._timestamp = time.strftime("%Y%m%d_%H%M%S")
        MultiTaskRunner.started = process, self._timestamp

    def train(self) -> nn.Module:
        """Train; see mmengine."""
        with self._hooks_at_end(), self._workers_end():
            return super().train()

    def test(self) -> dict[str, float]:
        """Evaluate; see mmengine."""
        self.tests = True
        with self._hooks_at_end(), self._workers_end():
            return super().test()

    def build_train_loop(self, loop: BaseLoop | dict[str, Any]) -> BaseLoop:
        """Build the loop and compare its length with that of the data; see mmengine.

        Raises:
            ConfigError: the data set is smaller than a batch, and `drop_last` is set; or a
                schedule does not fit the number of iterations (see `check_lengths`).
        """
        built = super().build_train_loop(loop)
        loader: Any = built.dataloader
        if not len(loader):
            raise ConfigError(
                f"The training data has {len(loader.dataset)} samples, too few for a batch of "
                f"train_dataloader.batch_size={loader.batch_size} in each process, and drop_last "
                "drops incomplete batches. Choose smaller batches."
            )
        if isinstance(built, EpochBasedTrainLoop):
            check_lengths(self.cfg, built.max_epochs, len(loader))
        return built

    @contextmanager
    def _hooks_at_end(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.call_hook("after_failure", error=error)
            raise
        finally:
            self.call_hook("after_stop")

    @contextmanager
    def _workers_end(self) -> Iterator[None]:
        """End persistent workers with the run.

        torch ends them when the loader is collected as garbage. In a cycle of references, as a
        runner is, the queue by which a worker learns it is collected first: each worker would be
        waited for, for seconds, then killed.
        """
        try:
            yield
        finally:
            for loop in (self._train_loop, self._val_loop, self._test_loop):
                loader: Any = getattr(loop, "dataloader", None)
                if getattr(loader, "_iterator", None) is not None:
                    loader._iterator = None

    def save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Save a checkpoint; see mmengine. All processes must call it.

        This averages their running statistics (see `average_statistics`).

        Raises:
            SaveError: the file could not be written, for example because the disk is full.
        """
        averages = [hook.ema_model for hook in self.hooks if isinstance(hook, EMAHook)]
        average_statistics(self.model, *averages)
        sharded = isinstance(self.model, ShardedModel)
        with self.model.whole(self.optim_wrapper) if sharded else nullcontext():
            self._save_checkpoint(*args, **kwargs)

    @master_only
    def _save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        path = os.path.join(out_dir, filename)
        if "://" in path:  # object stores never show unfinished files
            return super().save_checkpoint(out_dir, filename, *args, **kwargs)
        os.makedirs(out_dir, exist_ok=True)
        try:
            with replaced(path) as unfinished:
                super().save_checkpoint(out_dir, os.path.basename(unfinished), *args, **kwargs)
        except OSError as error:
            free = shutil.disk_usage(out_dir).free / 2**20
            raise SaveError(
                f"The checkpoint {path} could not be saved: {error.strerror or error} "
                f"({free:.0f} MiB are free there). Those saved before are intact. Make room, or "
                "keep fewer (default_hooks.checkpoint.max_keep_ckpts)."
            ) from error

    def load_checkpoint(
        self,
        filename: str,
        map_location: Any = "cpu",
        strict: bool = False,
        revise_keys: Sequence[tuple[str, str]] = ((r"^module\.", ""),),
    ) -> dict[str, Any]:
        """Load weights; see mmengine. Tests and resuming need all weights, as `strict=True` does.

        Otherwise, as for fine-tuning, a line of the log says how many have arrived.

        Raises:
            CheckpointError: strictly, the model has other weights.
            WeightsError: the model has none of these weights.
        """
        model = unwrapped(self.model)
        checkpoint = CheckpointLoader.load_checkpoint(filename, map_location, logger="silent")
        if "state_dict" not in checkpoint:
            checkpoint = dict(state_dict=checkpoint)
        averages = [hook for hook in self.hooks if hasattr(hook, "ema_model")]
        if self._resume and not averages:
            take_trained_weights(checkpoint, filename)
        try:
            for hook in self.hooks:
                # One of other weights would print them all, and gets the model's below.
                if self._resume or hook not in averages:
                    hook.after_load_checkpoint(self, checkpoint)
            loading = load_into(model, checkpoint["state_dict"], revise_keys)
        except RuntimeError as error:  # of an average that is resumed
            loading = compare(model.state_dict(), checkpoint["state_dict"])
            if isinstance(error, MTLError) or not loading.problems:
                raise
        if not (strict or self._resume or self.tests):
            loading.report(filename, "the model")
        elif loading.problems:
            raise CheckpointError(MISFIT.format(name=filename, problems=loading.problems))
        for hook in () if self._resume else averages:
            hook.ema_model.module.load_state_dict(model.state_dict())
        self._has_loaded = True
        if self.continuation is not None:
            self.continuation.adopt(checkpoint)
        return checkpoint

    def load_or_resume(self) -> None:
        """Load or resume a checkpoint; see mmengine. Then shard a `ShardedModel`.

        Before that, a training tries its losses on its device and in its precision.
        """
        if isinstance(self.optim_wrapper, OptimWrapper):
            with self.optim_wrapper.optim_context(self.model):
                try_losses_of(self.model)
        super().load_or_resume()
        if not isinstance(self.model, ShardedModel) or not isinstance(
            self.optim_wrapper, OptimWrapper
        ):
            return
        if any(isinstance(hook, EMAHook) for hook in self.hooks):
            raise ConfigError("EMAHook averages whole weights: use DDP in place of ShardedModel.")
        self.model.shard(self.optim_wrapper)

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Resume a checkpoint; see mmengine, which lets its numbers win over the config's."""
        self.continuation = Continuation(self)
        super().resume(filename, *args, **kwargs)
        self.continuation.follow(filename)
        self.continuation = None

    def register_default_hooks(self, hooks: dict[str, Any] | None = None) -> None:
        """Register `default_hooks`; see mmengine, which takes None for its own hooks alone."""
        given = (hooks or {}).items()
        super().register_default_hooks(
            {name: hook for name, hook in given if hook is not None or name in MMENGINE_HOOKS}
        )

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build a loader; see mmengine. Depth of mmseg's own data sets is checked here."""
        loader = Runner.build_dataloader(*args, **kwargs)
        check_foreign_data(loader.dataset)
        if loader.num_workers:
            Finalize(None, _kill_workers, exitpriority=0)
            loader.worker_init_fn = partial(_start_worker, loader.worker_init_fn)
        return loader


def _start_worker(then: Callable[[int], None] | None, worker: int) -> None:
    """Keep a worker alive on signals to the whole process group.

    The run needs its workers to finish its iteration. After the delay even a hanging worker ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_later)
    if then is not None:
        then(worker)


def _kill_workers() -> None:
    """Kill the remaining workers when the process ends, because it would wait for them."""
    if current_thread() is main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch would report it as a fault
    for child in active_children():
        if child.daemon:
            child.kill()


def _end_later(*_: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.alarm(GRACE)
