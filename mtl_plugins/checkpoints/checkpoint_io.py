"""Reading checkpoints without ever unpickling them, by us and by mmengine."""

from __future__ import annotations

import errno
import json
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

import torch
from mmengine.runner.checkpoint import CheckpointLoader

from ..errors import MTLError
from ..utils import did_you_mean_path
from .archive_check import check_archive
from .safetensors_io import SUFFIX, read_safetensors

_environment = threading.RLock()
# What torch raises, depending on the place, when a file ends too soon or is none of its own.
_DAMAGE = (
    *(AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError),
    *(TypeError, ValueError, struct.error),
)
_safe_loaders: set[Callable[..., Any]] = set()


class CheckpointError(MTLError, RuntimeError):
    """A checkpoint cannot be read: it is damaged, of another format, or would need pickle."""


def load_checkpoint(path: str | os.PathLike[str], map_location: Any = "cpu") -> dict[str, Any]:
    """Reads a local checkpoint and runs no code that the file may carry.

    Args:
        path: file written by `torch.save`, or by `write_safetensors` (ends in .safetensors).
        map_location: device of the tensors, as in `torch.load`.

    Returns:
        The checkpoint as it was written: `state_dict`, `meta` and more, or a bare state dict.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is damaged, no checkpoint, or would need pickle. Every byte is
            compared with its checksum, where the file has one.

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
            # Not the file's fault: the GPU's memory, or a disk that says so by its error number.
            # EINVAL is torch itself, which seeks in front of the beginning of a short archive.
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
    """Return the path of a checkpoint; raise, with the nearest ones, where it does not exist."""
    file = Path(path).expanduser()
    if not file.is_file():
        hint = did_you_mean_path(str(file))
        raise FileNotFoundError(
            f"checkpoint {file} does not exist: expected a file, check the path. {hint}".rstrip()
        )
    return file


def register_safe_loading() -> None:
    """Replaces the loader of each of mmengine's path schemes by one that cannot unpickle.

    mmengine reads local files with `torch.load`'s default, which an environment variable can
    turn; it downloads with `weights_only=False`; and onedl-mmengine falls back to unpickling
    whatever it could not read safely. Importing this module calls this function, so `resume`,
    `load_from` and `init_cfg` of a process that uses mtl_plugins are safe. Calling it again, say
    after registering a scheme of one's own, is harmless.
    """
    for prefix, loader in list(CheckpointLoader._schemes.items()):
        # mmengine's public register_scheme cannot list what there is.
        safe = load_from_local if prefix == "" else _without_pickle(loader)
        CheckpointLoader.register_scheme(prefix, safe, force=True)


def load_from_local(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Reads a local checkpoint for mmengine, which derives the name it logs from this one."""
    return load_checkpoint(filename, map_location)


def _without_pickle(loader: Callable[..., Any]) -> Callable[..., Any]:
    if loader in _safe_loaders:
        return loader

    @wraps(loader)
    def load(filename: str, map_location: Any = None) -> Any:
        with _weights_only(), _pickle_explained(filename):
            return loader(filename, map_location)

    _safe_loaders.add(load)
    return load


@contextmanager
def _weights_only() -> Iterator[None]:
    """Makes torch refuse pickle here, even where the caller asks for `weights_only=False`."""
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
    try:
        yield
    except pickle.UnpicklingError as error:
        # Both of torch's refusals name it so: "unsupported GLOBAL x", "global: GLOBAL x was not".
        offender = re.search(r"GLOBAL (\w[\w.]*\.\w+)", str(error))
        if offender is None:
            raise CheckpointError(_damaged(name, error)) from error
        # Without the cause: its text advises to load the file with pickle.
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
        "expected only tensors and plain values. If, and only if, you trust whoever made the file, "
        f"{'download it and ' if remote else ''}convert its weights once with\n"
        f"  python -c {shlex.quote(code)}\nand load {plain}."
    )


def _damaged(name: str, error: Exception) -> str:
    # torch wraps its reason in advice, before it or after the first sentence.
    text = str(error).partition("WeightsUnpickler error: ")[2] or str(error)
    reason = text.strip().partition(". ")[0].partition("\n")[0] or type(error).__name__
    return (
        f"checkpoint {name} could not be read ({reason}); expected a file written by torch.save "
        f"(or, ending in {SUFFIX}, as safetensors): it may be truncated or of another format, copy "
        "or download it again."
    )


register_safe_loading()
