"""The data of the benchmark: rendered street scenes, as files and packed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mtl_plugins.datasets import pack_dataset
from mtl_plugins.street_scenes import DEPTH_SCALE, ensure_street_scenes

from .settings import Settings


@dataclass(frozen=True)
class Scenes:
    """Street scenes of one size; rendered and packed on first use.

    Args:
        root: folder; its name holds count and size.
        count: number of training scenes.
        size: (height, width) in pixels.
    """

    root: str
    count: int
    size: tuple[int, int]

    @property
    def arguments(self) -> dict:
        """Arguments of `StreetScenesDataset` that define the scenes."""
        return dict(counts=dict(train=self.count, val=1), size=self.size, seed=0)

    def render(self) -> None:
        """Render the scenes that are missing."""
        ensure_street_scenes(self.root, **self.arguments)

    @property
    def files(self) -> dict:
        """Config of our data set that reads the files."""
        return dict(
            type="StreetScenesDataset", data_root=self.root, split="train", **self.arguments
        )

    @cached_property
    def packed(self) -> dict:
        """Config of our data set that reads the packed scenes."""
        self.render()
        folder = os.path.join(self.root, "packed")
        pack_dataset(DATASETS.build(dict(self.files, pipeline=[])), folder, self.arguments)
        return dict(type="PackedDataset", data_root=folder)

    @cached_property
    def mmseg(self) -> dict:
        """Config of mmseg's data set that reads the files."""
        self.render()
        folders = dict(
            img_path="rgb/train", seg_map_path="label/train", depth_map_path="depth/train"
        )
        return dict(type=_WithDepth, data_root=self.root, data_prefix=folders)


MMSEG_LOADING = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(type="LoadDepthAnnotation", depth_rescale_factor=1 / DEPTH_SCALE),
]
"""mmseg's transforms that read the files."""


class _WithDepth(BaseSegDataset):
    """mmseg's data set with depth files, which it does not know."""

    def load_data_list(self) -> list[dict]:
        """Add the path of each image's depth file."""
        samples = super().load_data_list()
        for sample in samples:
            name = os.path.splitext(os.path.basename(sample["img_path"]))[0] + ".png"
            sample["depth_map_path"] = os.path.join(self.data_prefix["depth_map_path"], name)
        return samples


def scenes(settings: Settings, count: int, size: tuple[int, int]) -> Scenes:
    """Return scenes in the scratch folder of the benchmark."""
    name = f"scenes_{size[0]}x{size[1]}_{count}"
    return Scenes(settings.folder(name), count, size)
