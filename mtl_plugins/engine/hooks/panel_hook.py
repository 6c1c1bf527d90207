"""Panels of the same few images at every validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmseg.registry import HOOKS
from PIL import Image

from ...errors import ConfigError
from ...utils import did_you_mean
from ...visualization import Style, default_palette, draw_panel, sample_maps
from .chosen_images_hook import ChosenImagesHook


@HOOKS.register_module()
class PanelHook(ChosenImagesHook):
    """Draw panels of some validation and test images, the same ones every time.

    Writes `<work_dir>/panels/iter_<iterations trained>/<image name>.png` (`panels/test/` in a
    test) and adds each panel to the runner's visualizer under `panel_<image name>`. The images
    are spread evenly over those that the first process evaluates; the others draw nothing. Names
    of classes, `palette` and `depth_unit` (default: m) are read from the data set's metainfo.

    Args:
        num_images: how many images are drawn, 0 or more; None: all of them.
        folder: where panels go instead of `<work_dir>/panels/...`.
        **style: further arguments of `draw_panel`, such as `depth_log=True`.

    Raises:
        ConfigError: `num_images` is negative, `style` has an unknown name, or a sample does not
            know the path of its image.

    In a config: `custom_hooks = [dict(type='PanelHook', num_images=4)]`.
    """

    priority = "LOW"

    def __init__(self, num_images: int | None = 4, folder: str | None = None, **style: Any) -> None:
        super().__init__(num_images)
        known = {field.name for field in fields(Style)} - {"classes", "palette"}
        for name in style:
            if name not in known:
                hint = did_you_mean(name, known | {"num_images", "folder"})
                raise ConfigError(f"PanelHook has no argument {name!r}. {hint}")
        self.folder = folder
        self.style = style

    def show(
        self,
        runner: Runner,
        image: np.ndarray,
        sample: BaseDataElement,
        meta: Mapping[str, Any],
        name: str,
        step: int | None,
    ) -> None:
        """Draw the panel, write it, and hand it to the visualizer."""
        classes = meta.get("classes") or ()
        palette = meta.get("palette") or default_palette(len(classes))
        style = {"depth_unit": meta.get("depth_unit", "m"), **self.style}
        panel = draw_panel(image, sample_maps(sample), classes, palette, title=name, **style)
        place = "test" if step is None else f"iter_{step}"
        path = Path(self.folder or Path(runner.work_dir, "panels", place), f"{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(panel).save(path)
        # No slash: backends that write files take the name as a file's.
        runner.visualizer.add_image(f"panel_{name}", panel, step or 0)
