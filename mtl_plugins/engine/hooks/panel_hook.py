"""Show the same few images at every validation; draw them as panels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmseg.registry import HOOKS
from PIL import Image
from torch import Tensor

from ...datasets.files import read_image, shown_colours
from ...errors import ConfigError, DataError
from ...utils import did_you_mean, distinct_names, spread_evenly
from ...visualization import Style, draw_panel, sample_maps


class ChosenImagesHook(Hook, ABC):
    """Show some validation and test images, the same ones every time; subclasses define `show`.

    The images are spread evenly over those that the first process evaluates; other processes show
    nothing.

    Args:
        num_images: number of images, 0 or more; None: all of them.

    Raises:
        ConfigError: `num_images` is negative, or a sample lacks the path of its image.
    """

    def __init__(self, num_images: int | None = 4) -> None:
        if num_images is not None and num_images < 0:
            raise ConfigError(f"num_images={num_images}: expected 0 or more, or None for all.")
        self.num_images = num_images
        self._seen = 0
        self._names: list[str] = []

    @abstractmethod
    def show(
        self,
        runner: Runner,
        image: np.ndarray,
        sample: BaseDataElement,
        meta: Mapping[str, Any],
        name: str,
        step: int | None,
    ) -> None:
        """Show one image.

        Args:
            runner: runner of the validation or test.
            image: H,W,3 uint8 RGB as in the file, which may differ in size from the maps.
            sample: the maps of every task.
            meta: metainfo of the data set.
            name: name of the image's file without its ending, made unique.
            step: iterations trained, None in a test.
        """

    def _before_epoch(self, runner: Runner, mode: str = "train") -> None:
        self._seen, self._names = 0, []

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
        mode: str = "train",
    ) -> None:
        rank, world = get_dist_info()
        if mode == "train" or rank != 0:
            return
        loop = runner.val_loop if mode == "val" else runner.test_loop
        # In a test there is no step: asking the runner for it would build the training data.
        step = runner.iter if mode == "val" else None
        dataset: Any = loop.dataloader.dataset  # torch's has no length and no metainfo
        total = -(-len(dataset) // world)
        chosen = spread_evenly(total if self.num_images is None else self.num_images, total)
        for index, sample in enumerate(outputs or ()):
            if self._seen in chosen:
                name = self._name(sample)
                meta = dataset.metainfo
                pixels = data_batch["inputs"][index] if data_batch else None
                self.show(runner, _image(sample, pixels, meta), sample, meta, name, step)
            self._seen += 1

    def _name(self, sample: BaseDataElement) -> str:
        path = sample.metainfo.get("img_path")
        if path is None:
            raise ConfigError(
                f"{type(self).__name__} found no 'img_path' in the metainfo of a sample: keep it "
                "in the meta_keys of the pipeline's PackTargets."
            )
        name = Path(path).stem
        if name in self._names:  # images of different folders may share one
            name = f"{name}_{self._seen}"
        self._names += distinct_names([name], taken=self._names)
        return self._names[-1]


@HOOKS.register_module()
class PanelHook(ChosenImagesHook):
    """Draw panels of some validation and test images, the same ones every time.

    Writes `<work_dir>/panels/iter_<iterations trained>/<image name>.png` (`panels/test/` in a
    test) and adds each panel to the runner's visualizer as `panel_<image name>`. The images are
    spread evenly over those that the first process evaluates; other processes draw nothing.
    Classes, colours and units are those of the data set's targets.

    Args:
        num_images: number of images to draw, 0 or more; None: all of them.
        folder: folder for the panels in place of `<work_dir>/panels/...`.
        **style: further arguments of `draw_panel`, such as `depth_log=True`.

    Raises:
        ConfigError: `num_images` is negative, `style` has an unknown name, or a sample lacks the
            path of its image.

    In a config: `default_hooks = dict(panels=dict(type='PanelHook', num_images=4))`.
    """

    priority = "LOW"

    def __init__(self, num_images: int | None = 4, folder: str | None = None, **style: Any) -> None:
        super().__init__(num_images)
        known = {field.name for field in fields(Style)}
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
        """Draw the panel, write it, and add it to the visualizer."""
        panel = draw_panel(image, sample_maps(sample, meta), title=name, **self.style)
        place = "test" if step is None else f"iter_{step}"
        path = Path(self.folder or Path(runner.work_dir, "panels", place), f"{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(panel).save(path)
        # No slash: backends that write files use the name as a file name.
        runner.visualizer.add_image(f"panel_{name}", panel, step or 0)


def _image(sample: BaseDataElement, pixels: Tensor | None, meta: Mapping[str, Any]) -> np.ndarray:
    """Read a sample's image file, H,W,3 RGB, because the network's input may be resized.

    Images of more channels or levels may come from several files: their input is shown.
    """
    if pixels is None or not {"image_channels", "image_range"} & {*meta}:
        try:
            return read_image(sample.metainfo["img_path"])[..., ::-1]
        except DataError:
            if pixels is None or pixels.dtype != torch.uint8:
                raise
            # Packed data can be used without its image files.
    return shown_colours(pixels.movedim(0, 2).cpu().numpy())[..., ::-1]
