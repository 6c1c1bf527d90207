"""What the test command lays over a config: how images are looked at, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.config import Config

from ..errors import ConfigError
from .loading import copied


def with_views(
    config: Config,
    scales: Sequence[float] | None = None,
    flip: bool = True,
    merge: str = "mean",
    window: tuple[int, int] | None = None,
) -> Config:
    """Return a copy of a config whose model looks at images in another way.

    Args:
        scales: sizes of test-time augmentation, see `Augmentation`; None: as in the config.
        flip, merge: of test-time augmentation.
        window: (H, W) of windows that slide by two thirds of themselves; None: as in the config.
    """
    config = copied(config)
    test_cfg = dict(config.model.get("test_cfg") or {})
    if scales is not None:
        test_cfg.update(tta=dict(scales=tuple(scales), flip=flip, merge=merge))
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
        show_dir: where panels go.
        save_dir: where predictions go, see `SavePredictionsHook`.
    """
    config = copied(config)
    hooks = list(config.get("custom_hooks") or [])
    if show_dir is not None:
        own = [hook for hook in hooks if hook["type"] == "PanelHook"] or [dict(type="PanelHook")]
        hooks = [hook for hook in hooks if hook["type"] != "PanelHook"]
        hooks.append(dict(own[0], num_images=None, folder=show_dir))
    if save_dir is not None:
        hooks.append(dict(type="SavePredictionsHook", folder=save_dir))
    config.custom_hooks = hooks
    return config
