"""Load a config, lay options over it and check every name in it before anything is built."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from ..errors import ConfigError
from ..install import package_lookup
from ..utils import did_you_mean_path, read_text
from .check import check_config
from .data import is_data, read_data_config
from .options import check_options, laid_over, parse_options
from .replaced import drop_replaced, restore_tuples
from .sources import Source, sources_of


def load_config(
    path: str | os.PathLike[str], options: Sequence[str] = (), safe: bool = False
) -> Config:
    """Read a config file, lay `options` over it and check every name in it.

    Args:
        path: a config file. Python is executed: read only files that you trust. JSON and YAML are
            data, see `read_data_config`.
        options: `dotted.key=value`, as in `--cfg-options model.backbone.model_name=resnet50`.
        safe: read Python as data as well; the file must then consist of plain values.

    Raises:
        ConfigError: the file is missing or cannot be executed, a `type` is not registered, or an
            argument is unknown; the message lists the nearest names.

    >>> load_config("configs/mtl_branched.py", ["train_cfg.max_epochs=2"]).train_cfg.max_epochs
    2
    """
    return _checked(read_config(path, options, safe), options)


def read_config(
    path: str | os.PathLike[str], options: Sequence[str] = (), safe: bool = False
) -> Config:
    """Read a config file and lay `options` over it, as `load_config`, without checking names."""
    path = os.fspath(path)
    check_exists(path)
    if safe or is_data(path):
        config = Config(read_data_config(path), cfg_text=read_text(path), filename=path)
    else:
        config = _executed(path)
    return _laid_over(config, options)


def config_sources(path: str, options: Sequence[str] = (), safe: bool = False) -> dict[str, Source]:
    """Return the source of every value of a config file; see `load_config` and `sources_of`."""
    return sources_of(read_config(path, options, safe), options)


def as_config(
    config: Config | Mapping[str, Any] | str | os.PathLike[str],
    options: Sequence[str] = (),
    safe: bool = False,
) -> Config:
    """Load a config file, or copy and check a config or its values, with `options` over it.

    Raises:
        ConfigError: as `load_config`.
    """
    if isinstance(config, (str, os.PathLike)):
        return load_config(config, options, safe)
    result = copied(config) if isinstance(config, Config) else Config(dict(config))
    return _checked(_laid_over(result, options), options)


def _checked(config: Config, options: Sequence[str]) -> Config:
    drop_replaced(config, options)
    check_config(config)
    restore_tuples(config)
    return config


def _laid_over(config: Config, options: Sequence[str]) -> Config:
    """Return a config with options over it, whose values have a form that is the same for all."""
    parsed = parse_options(options)
    check_options(parsed, config)
    values = normalized(laid_over(config.to_dict(), parsed))
    return Config(values, cfg_text=config.text, filename=config.filename)


def normalized(node: Any) -> Any:
    """Expand `~` at the beginning of every text; write classes, and colours that are keys, as text.

    A text that begins with `~` can only be a path. JSON has no keys that are tuples; every format
    of labels reads `"(7, 7, 7)"`, too. A class that a config imports is its import path, which can
    be printed and saved.

    >>> normalized(dict(label_map={(7, 7, 7): 0, 5: 255}))
    {'label_map': {'(7, 7, 7)': 0, 5: 255}}
    """
    if isinstance(node, Mapping):
        return {
            str(key) if isinstance(key, tuple) else key: normalized(each)
            for key, each in node.items()
        }
    if isinstance(node, (list, tuple)):
        return type(node)(map(normalized, node))
    if isinstance(node, type):
        return f"{node.__module__}.{node.__qualname__}"
    return os.path.expanduser(node) if isinstance(node, str) and node[:1] == "~" else node


def _executed(path: str) -> Config:
    try:
        with package_lookup():
            return Config.fromfile(path)
    except Exception as error:
        if module := _missing_module(error):
            raise ConfigError(
                f"The config {path} imports {module}, which Python does not find. Install the "
                "package; put the folder of a module of your own on PYTHONPATH; or leave it out of "
                "custom_imports and choose other parts, such as TimmEncoder for an encoder."
            ) from error
        # The missing file may be a `_base_`.
        missing = getattr(error, "filename", None) if isinstance(error, FileNotFoundError) else None
        hint = did_you_mean_path(missing) if missing else ""
        if isinstance(error, UnicodeError) or "U+FEFF" in str(error):
            hint = "Save it, and its bases, as UTF-8 without a byte order mark."
        if "lazy_import" in str(error):
            hint = (
                "An import above _base_ makes a config one of mmengine's new style: move it below "
                "_base_, or name classes by text (type='AdamW')."
            )
        if "yml/yaml/json" in str(error):
            hint = "The first argument is the config; a checkpoint is none."
        if isinstance(error, KeyError):
            hint = "If {{_base_...}} names this key, the base has no such key."
        raise ConfigError(
            f"The config {path} cannot be read: {type(error).__name__}: {error} {hint}".rstrip()
        ) from error


def _missing_module(error: BaseException) -> str:
    """Return the name of the module whose import failed; empty for any other error."""
    while isinstance(error, ImportError) and (error.__cause__ or error.__context__):
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return (error.name or "") if isinstance(error, ModuleNotFoundError) else ""


def check_exists(path: str) -> None:
    """Raise a `ConfigError` with the nearest names if there is no config file of this path."""
    if not os.path.isfile(path):
        raise ConfigError(f"There is no config file {path!r}. {did_you_mean_path(path)}".rstrip())


def copied(config: Config) -> Config:
    """Return a config of the same values, text and file, which may be changed."""
    return Config(config.to_dict(), cfg_text=config.text, filename=config.filename)


def with_views(
    config: Config,
    scales: Sequence[float] | None = None,
    flip: bool | None = None,
    merge: str | None = None,
    window: tuple[int, int] | None = None,
) -> Config:
    """Return a copy of a config whose model predicts from other views of an image.

    Args:
        scales: sizes of test-time augmentation, see `Augmentation`; None: leave it as it is in the
            config; empty: with the config's sizes, or the default ones.
        flip, merge: further arguments of it; None: as in the config.
        window: (height, width) in pixels of sliding windows, whose stride is two thirds of their
            size; None: as in the config.
    """
    config = copied(config)
    test_cfg = dict(config.model.get("test_cfg") or {})
    if scales is not None:
        given = dict(scales=tuple(scales) or None, flip=flip, merge=merge)
        given = {key: value for key, value in given.items() if value is not None}
        test_cfg.update(tta={**(test_cfg.get("tta") or {}), **given})
    if window is not None:
        if min(window) < 3:
            raise ConfigError(f"A window of {window} pixels; expected at least 3 x 3.")
        stride = tuple(side * 2 // 3 for side in window)
        test_cfg.update(mode="slide", crop_size=tuple(window), stride=stride)
    config.model.test_cfg = test_cfg
    return config


def with_pictures(
    config: Config, show_dir: str | None = None, save_dir: str | None = None
) -> Config:
    """Return a copy of a config that draws a panel of every image, or saves every prediction.

    Args:
        show_dir: folder of the panels.
        save_dir: folder of the predictions, see `SavePredictionsHook`.
    """
    config = copied(config)
    hooks = config.setdefault("default_hooks", {})
    if show_dir is not None:
        panels = hooks.get("panels") or dict(type="PanelHook")
        hooks["panels"] = dict(panels, num_images=None, folder=show_dir)
    if save_dir is not None:
        own = hooks.get("save_predictions") or dict(type="SavePredictionsHook")
        hooks["save_predictions"] = dict(own, folder=save_dir)
    return config
