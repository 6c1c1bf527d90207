"""Panels of the same few images at every validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmseg.registry import HOOKS
from PIL import Image
from torch.utils.data import DataLoader

from ..datasets.image_io import read_image
from ..errors import ConfigError
from ..structures import DENSE_TARGETS
from ..suggestions import did_you_mean
from .colors import default_palette
from .panels import draw_panel
from .rows import Style, TaskMaps, as_array


@HOOKS.register_module()
class PanelHook(Hook):
    """Draw panels of some validation and test images, the same ones every time.

    Writes `<work_dir>/panels/iter_<iterations trained>/<image name>.png` (`panels/test/` in a
    test) and adds each panel to the runner's visualizer under `panel_<image name>`. The images
    are spread evenly over those that the first process evaluates; the others draw nothing. Names
    of classes, `palette` and `depth_unit` (default: m) are read from the data set's metainfo.

    Args:
        num_images: how many images are drawn, 0 or more.
        **style: further arguments of `draw_panel`, such as `depth_log=True`.

    Raises:
        ConfigError: `num_images` is negative, `style` has an unknown name, or a sample does not
            know the path of its image.

    In a config: `custom_hooks = [dict(type='PanelHook', num_images=4)]`.
    """

    priority = "LOW"

    def __init__(self, num_images: int = 4, **style: Any) -> None:
        if num_images < 0:
            raise ConfigError(f"num_images={num_images}: expected 0 or more.")
        known = {field.name for field in fields(Style)} - {"classes", "palette"}
        for name in style:
            if name not in known:
                hint = did_you_mean(name, known | {"num_images"})
                raise ConfigError(f"PanelHook has no argument {name!r}. {hint}")
        self.num_images = num_images
        self.style = style
        self._seen = 0
        self._names: set[str] = set()

    def before_val_epoch(self, runner: Runner) -> None:
        self._start()

    def before_test_epoch(self, runner: Runner) -> None:
        self._start()

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        self._draw(runner, runner.val_loop.dataloader, outputs or (), runner.iter)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        self._draw(runner, runner.test_loop.dataloader, outputs or (), None)

    def _start(self) -> None:
        self._seen = 0
        self._names = set()

    def _draw(
        self,
        runner: Runner,
        loader: DataLoader,
        samples: Sequence[BaseDataElement],
        step: int | None,
    ) -> None:
        # In a test there is no step: asking the runner for it would build the training data.
        folder = "test" if step is None else f"iter_{step}"
        rank, world = get_dist_info()
        if rank != 0:
            return
        chosen = spread_evenly(self.num_images, -(-len(loader.dataset) // world))
        for sample in samples:
            if self._seen in chosen:
                name = self._name(sample)
                panel = self._panel(sample, loader.dataset.metainfo, name)
                path = Path(runner.work_dir, "panels", folder, f"{name}.png")
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(panel).save(path)
                # No slash: backends that write files take the name as a file's.
                runner.visualizer.add_image(f"panel_{name}", panel, step or 0)
            self._seen += 1

    def _name(self, sample: BaseDataElement) -> str:
        path = sample.metainfo.get("img_path")
        if path is None:
            raise ConfigError(
                "PanelHook found no 'img_path' in the metainfo of a sample: keep it in the "
                "meta_keys of the pipeline's PackTargets."
            )
        name = Path(path).stem
        if name in self._names:
            # Images of different folders may share a name.
            name = f"{name}_{self._seen}"
        self._names.add(name)
        return name

    def _panel(self, sample: BaseDataElement, meta: Mapping[str, Any], name: str) -> np.ndarray:
        # The sample's own image is normalised and resized: show the file.
        image = read_image(sample.metainfo["img_path"])[..., ::-1]
        targets = [
            TaskMaps(
                kind=target.kind,
                prediction=as_array(sample.get(target.prediction).data),
                truth=as_array(sample.get(target.truth).data) if target.truth in sample else None,
            )
            for target in DENSE_TARGETS.values()
            if target.prediction in sample
        ]
        classes = meta.get("classes") or ()
        palette = meta.get("palette") or default_palette(len(classes))
        style = {"depth_unit": meta.get("depth_unit", "m"), **self.style}
        return draw_panel(image, targets, classes, palette, title=name, **style)


def spread_evenly(count: int, total: int) -> set[int]:
    """Positions of `count` items spread over `total`, each in the middle of its share.

    >>> sorted(spread_evenly(2, 8)), sorted(spread_evenly(5, 3))
    ([2, 6], [0, 1, 2])
    """
    return {(2 * i + 1) * total // (2 * count) for i in range(count)}
