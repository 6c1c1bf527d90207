"""The same few images at every validation, for whoever shows them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor
from torch.utils.data import DataLoader

from ...datasets.files import read_image
from ...errors import ConfigError, DataError
from ...utils import spread_evenly


class ChosenImagesHook(Hook, ABC):
    """Show some validation and test images, the same ones every time; subclasses say how.

    The images are spread evenly over those that the first process evaluates; the others show
    nothing.

    Args:
        num_images: how many images are shown, 0 or more; None: all of them.

    Raises:
        ConfigError: `num_images` is negative, or a sample does not know the path of its image.
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
            runner: of the run.
            image: H,W,3 uint8 RGB, as in its file, whose size may be another than the maps'.
            sample: with the maps of every task.
            meta: metainfo of the data set.
            name: that of the image's file, different for every image.
            step: iterations trained, None in a test.
        """

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
        self._choose(runner, runner.val_loop.dataloader, data_batch, outputs or (), runner.iter)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        # In a test there is no step: asking the runner for it would build the training data.
        self._choose(runner, runner.test_loop.dataloader, data_batch, outputs or (), None)

    def _start(self) -> None:
        self._seen = 0
        self._names = []

    def _choose(
        self,
        runner: Runner,
        loader: DataLoader,
        batch: Mapping[str, Any] | None,
        samples: Sequence[BaseDataElement],
        step: int | None,
    ) -> None:
        rank, world = get_dist_info()
        if rank != 0:
            return
        dataset: Any = loader.dataset  # torch's has no length and no metainfo
        total = -(-len(dataset) // world)
        chosen = spread_evenly(total if self.num_images is None else self.num_images, total)
        for index, sample in enumerate(samples):
            if self._seen in chosen:
                name = self._name(sample)
                image = _image(sample, batch["inputs"][index] if batch else None)
                self.show(runner, image, sample, dataset.metainfo, name, step)
            self._seen += 1

    def _name(self, sample: BaseDataElement) -> str:
        path = sample.metainfo.get("img_path")
        if path is None:
            raise ConfigError(
                f"{type(self).__name__} found no 'img_path' in the metainfo of a sample: keep it "
                "in the meta_keys of the pipeline's PackTargets."
            )
        name = Path(path).stem
        if name in self._names:
            # Images of different folders may share a name.
            name = f"{name}_{self._seen}"
        self._names.append(name)
        return name


def _image(sample: BaseDataElement, pixels: Tensor | None) -> np.ndarray:
    """Return the image of a sample's file, H,W,3 RGB: what the network got may be resized."""
    try:
        return read_image(sample.metainfo["img_path"])[..., ::-1]
    except DataError:
        if pixels is None or pixels.dtype != torch.uint8:
            raise
        # Packed data goes without its files.
        return pixels.movedim(0, 2).cpu().numpy()[..., ::-1]
