"""Reading a config file, with every typo found before anything is built."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from ..errors import ConfigError
from ..utils import did_you_mean_path
from .check import check_config
from .data import is_data, read_data_config
from .options import check_options, parse_options


def load_config(
    path: str | os.PathLike[str], options: Sequence[str] = (), safe: bool = False
) -> Config:
    """Read a config file, lay `options` over it and check every name in it.

    Args:
        path: a config file. Python is executed: read only what you trust. JSON and YAML are data,
            see `read_data_config`.
        options: `dotted.key=value`, as in `--cfg-options model.backbone.model_name=resnet50`.
        safe: read Python as data as well, which must then be plain values.

    Raises:
        ConfigError: the file is missing or cannot be executed, a `type` is not registered, or an
            argument is unknown; with the nearest names.

    >>> load_config("configs/mtl_branched.py", ["train_cfg.max_epochs=2"]).train_cfg.max_epochs
    2
    """
    path = os.fspath(path)
    check_exists(path)
    if safe or is_data(path):
        config = Config(read_data_config(path), filename=path)
    else:
        config = _executed(path)
    _lay_over(config, options)
    check_config(config)
    return config


def as_config(
    config: Config | Mapping[str, Any] | str | os.PathLike[str], options: Sequence[str] = ()
) -> Config:
    """Return the config of a file, or a copy of a config or of its values, with `options` over it.

    Raises:
        ConfigError: as of `load_config`; one in memory is checked where options are laid over it.
    """
    if isinstance(config, (str, os.PathLike)):
        return load_config(config, options)
    result = copied(config) if isinstance(config, Config) else Config(dict(config))
    if options:
        _lay_over(result, options)
        check_config(result)
    return result


def _lay_over(config: Config, options: Sequence[str]) -> None:
    if not options:
        return
    parsed = parse_options(options)
    check_options(parsed, config)
    try:
        config.merge_from_dict(parsed)
    except (AttributeError, KeyError, TypeError, IndexError, AssertionError) as error:
        raise ConfigError(
            f"--cfg-options {' '.join(options)} cannot be laid over {config.filename}: {error}"
        ) from error


def _executed(path: str) -> Config:
    try:
        return Config.fromfile(path)
    except Exception as error:
        # Of a `_base_`, say.
        missing = getattr(error, "filename", None) if isinstance(error, FileNotFoundError) else None
        hint = did_you_mean_path(missing) if missing else ""
        raise ConfigError(
            f"The config {path} cannot be read: {type(error).__name__}: {error} {hint}".rstrip()
        ) from error


def check_exists(path: str) -> None:
    """Raise a `ConfigError` with the nearest files where there is no config file of this path."""
    if not os.path.isfile(path):
        raise ConfigError(f"There is no config file {path!r}. {did_you_mean_path(path)}".rstrip())


def copied(config: Config) -> Config:
    """Return a config of the same values, text and file, to be changed."""
    return Config(config.to_dict(), cfg_text=config.text, filename=config.filename)
