"""Read checkpoints without unpickling them, in this toolkit and in mmengine; find the newest."""

from __future__ import annotations

import errno
import json
import logging
import os
import pickle
import re
import shlex
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader

from ..errors import MTLError
from ..utils import UNFINISHED, did_you_mean_path, replaced
from .file_formats import SUFFIX, check_archive, read_safetensors

INTERRUPTED = "interrupted.pth"
"""Checkpoint of a run that was asked to stop; the next regular one supersedes it."""

SAVED = r"(epoch|iter)_\d+\.pth$|interrupted\.pth$"
"""Pattern of the names under which a run saves its checkpoints."""

EXPORTED = (".onnx", ".pt2")
"""Suffixes of exported networks."""

STATE = ("meta", "state_dict", "message_hub", "optimizer")
"""Parts that a checkpoint needs to be resumed; the best one of a run, say, holds weights only."""

_environment = threading.RLock()
# torch raises one of these, depending on the place, for a file that is truncated or not its own.
_DAMAGE = (
    *(AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError),
    *(TypeError, ValueError, struct.error),
)


class CheckpointError(MTLError, RuntimeError):
    """A checkpoint cannot be read: it is damaged, has another format, or would need pickle."""


class IncompleteError(CheckpointError):
    """A file is no whole checkpoint, but not damaged: no run can be resumed from it."""


def load_checkpoint(path: str | os.PathLike[str], map_location: Any = "cpu") -> dict[str, Any]:
    """Read a local checkpoint without running any code that the file may contain.

    Args:
        path: a file that `torch.save` or `write_safetensors` (suffix .safetensors) wrote.
        map_location: device of the tensors, as in `torch.load`.

    Returns:
        The checkpoint as written: `state_dict`, `meta` and more, or a bare state dict.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is damaged, is no checkpoint, or would need pickle. If the file
            has a checksum, every byte is compared with it.

    >>> load_checkpoint("no_such.pth")
    Traceback (most recent call last):
    FileNotFoundError: checkpoint no_such.pth does not exist: expected a file, check the path.
    """
    file = check_file(path)
    with _pickle_explained(str(file)):
        try:
            if file.suffix == SUFFIX:
                return read_safetensors(file, map_location or "cpu")
            check_archive(file)
            checkpoint = torch.load(file, map_location=map_location, weights_only=True)
        except _DAMAGE as error:
            # The file is not at fault if the GPU has too little memory, or if the disk reports an
            # error number. EINVAL alone comes from torch, which seeks before the start of a short
            # archive.
            if "CUDA" in str(error) or getattr(error, "errno", None) not in (None, errno.EINVAL):
                raise
            raise CheckpointError(_damaged(str(file), error)) from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(
            f"checkpoint {file} holds a {type(checkpoint).__name__}, expected a dict of weights: "
            "was it written by a training run?"
        )
    return checkpoint


def check_file(path: str | os.PathLike[str]) -> Path:
    """Return the path of a checkpoint.

    Raises:
        FileNotFoundError: there is no such file; the message lists the nearest names.
        CheckpointError: it is a folder or an exported network.
    """
    file = Path(path).expanduser()
    if file.is_dir():
        raise CheckpointError(
            f"{file} is a folder; expected a checkpoint, a file in it such as epoch_<number>.pth."
        )
    if not file.is_file():
        hint = did_you_mean_path(str(file))
        raise FileNotFoundError(
            f"checkpoint {file} does not exist: expected a file, check the path. {hint}".rstrip()
        )
    if file.suffix.lower() in EXPORTED:
        raise CheckpointError(
            f"{file} is an exported network; expected a checkpoint (.pth, {SUFFIX}). An exported "
            "network predicts, with tools/predict.py or MultiTaskInferencer, and nothing else."
        )
    return file


def register_safe_loading() -> None:
    """Replace the loader of each of mmengine's path schemes by one that cannot unpickle.

    mmengine reads local files with `torch.load`'s default, which an environment variable can
    change; it reads downloads with `weights_only=False`; and onedl-mmengine unpickles every file
    that it could not read safely. Importing this module calls this function, so `resume`,
    `load_from` and `init_cfg` are safe in every process that imports mtl_plugins. Call it again
    after you register another scheme.
    """
    # Private, because mmengine has no public list of the schemes.
    for prefix, loader in list(CheckpointLoader._schemes.items()):
        safe = load_from_local if prefix == "" else _without_pickle(loader)
        CheckpointLoader.register_scheme(prefix, safe, force=True)


def load_from_local(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Read a local checkpoint for mmengine, which logs a part of this function's name."""
    return load_checkpoint(filename, map_location)


def _without_pickle(loader: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(loader)
    def load(filename: str, map_location: Any = None) -> Any:
        try:
            with _weights_only(), _pickle_explained(filename):
                return loader(filename, map_location)
        except URLError as error:
            raise CheckpointError(
                f"checkpoint {filename} cannot be fetched ({error}). Check the address and the "
                "network, or download it elsewhere and give the path of the file."
            ) from error

    return load


@contextmanager
def _weights_only() -> Iterator[None]:
    """Make torch refuse pickle inside, even if the caller asks for `weights_only=False`."""
    force, forbid = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
    with _environment:
        before = {name: os.environ.pop(name, None) for name in (force, forbid)}
        os.environ[force] = "1"
        try:
            yield
        finally:
            del os.environ[force]
            os.environ.update({name: value for name, value in before.items() if value is not None})


@contextmanager
def _pickle_explained(name: str) -> Iterator[None]:
    """Turn torch's refusals into a `CheckpointError` that says how to convert the file."""
    try:
        yield
    except pickle.UnpicklingError as error:
        # torch has one error for damaged files and for objects that need pickle; only the latter
        # names a class: "Unsupported global: GLOBAL x was not", "unsupported GLOBAL x".
        offender = re.search(r"GLOBAL (\w[\w.]*\.\w+)", str(error))
        if offender is None:
            raise CheckpointError(_damaged(name, error)) from error
        # The cause is dropped because its text advises loading the file with pickle.
        raise CheckpointError(_needs_pickle(name, offender[1])) from None


def _needs_pickle(name: str, offender: str) -> str:
    remote = "://" in name
    file = Path(name).name if remote else name
    plain = str(Path(file).with_suffix(".plain.pth"))
    code = (
        f'import torch; c = torch.load({json.dumps(file)}, map_location="cpu", '
        'weights_only=False); torch.save({"state_dict": c.get("state_dict", c)}, '
        f"{json.dumps(plain)})"
    )
    return (
        f"checkpoint {name} would need pickle, which can run any code, to build `{offender}`; "
        "expected only tensors and plain values. If, and only if, you trust the file's author, "
        f"{'download it and ' if remote else ''}convert its weights once with\n"
        f"  python -c {shlex.quote(code)}\nand load {plain}."
    )


def _damaged(name: str, error: Exception) -> str:
    # torch puts advice before its reason, or after the reason's first sentence.
    text = str(error).partition("WeightsUnpickler error: ")[2] or str(error)
    reason = text.strip().partition(". ")[0].partition("\n")[0] or type(error).__name__
    if Path(name).name == "last_checkpoint":
        return f"{name} is no checkpoint, but a text that names one. Give the file that it names."
    return (
        f"checkpoint {name} could not be read ({reason}); expected a file written by torch.save "
        f"(or, ending in {SUFFIX}, as safetensors): it may be truncated or of another format, copy "
        "or download it again."
    )


def load_resumable(path: str) -> dict[str, Any]:
    """Read a checkpoint from which a run can be resumed.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is damaged, would need pickle, or lacks a part of `STATE`.
    """
    checkpoint = load_checkpoint(path)
    missing = [part for part in STATE if part not in checkpoint]
    if missing:
        raise IncompleteError(
            f"checkpoint {path} has no {', '.join(missing)}, so no training can go on from it. To "
            "start a new one with its weights set load_from in the config."
        )
    return checkpoint


def latest_checkpoint(folder: str) -> tuple[str, dict[str, Any]] | None:
    """Find the newest checkpoint of a folder from which a run can be resumed.

    Files are tried from the newest to the oldest. The file `last_checkpoint` is ignored, because a
    run may have been killed between writing a checkpoint and writing that file. Damaged and
    unfinished files are skipped with a warning, and `best_*.pth` because they hold weights only.

    Returns:
        The path and the contents of the checkpoint; None if no run has saved one.

    Raises:
        CheckpointError: a run has saved checkpoints here, and all are damaged, without a state, or
            gone. A new run would overwrite what is left.
    """
    unusable = []
    for path in sorted(Path(folder).glob("*.pth*"), key=_age, reverse=True):
        try:
            if path.suffix == UNFINISHED:
                raise IncompleteError(f"checkpoint {path} was never finished.")
            if path.suffix == ".pth" and not path.name.startswith("best_"):
                return str(path), load_resumable(str(path))
        except CheckpointError as error:
            if not isinstance(error, IncompleteError) or re.match(SAVED, path.name):
                unusable.append(path.name)
            print_log(f"Passed over: {error}", logger="current", level=logging.WARNING)
    if unusable:
        raise CheckpointError(
            f"{folder} holds checkpoints that cannot be read or resumed: {', '.join(unusable)}. A "
            "new training would overwrite them. Copy them again from where they are whole, or name "
            "a new folder with --work-dir, or move them away to start anew here."
        )
    pointer = Path(folder) / "last_checkpoint"
    if pointer.is_file():
        raise CheckpointError(
            f"{folder} had a checkpoint, {pointer.read_text(errors='replace').strip()[:200]!r}, "
            "which is gone, and there is no other to go on from. Copy it back, or name a new folder"
            f" with --work-dir, or remove {pointer} to start anew here."
        )
    print_log(f"{folder} holds no checkpoint to go on from.", logger="current")
    return None


def point_at(checkpoint: str, work_dir: str) -> None:
    """Write the path of a checkpoint to `last_checkpoint`, where mmengine looks for it."""
    with (
        replaced(os.path.join(work_dir, "last_checkpoint")) as unfinished,
        open(unfinished, "w", encoding="utf-8") as file,
    ):
        file.write(checkpoint)


def _age(path: Path) -> tuple[int, list[int]]:
    """Return a key that sorts by time and, within one tick of the file system, by number."""
    return path.stat().st_mtime_ns, [int(number) for number in re.findall(r"\d+", path.name)]


register_safe_loading()
