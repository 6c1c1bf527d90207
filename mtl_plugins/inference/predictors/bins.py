"""The distribution over depth bins of which a predicted depth is the mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from ...models.layers import resize
from ...models.task_heads import AttentionBinsHead, BinsPrediction

Size = tuple[int, int]


@dataclass(frozen=True)
class DepthBins:
    """Each pixel's probabilities of the depths that a network chose for an image.

    Args:
        probabilities: B,h,w float32, of sum 1 over B, in the resolution of the network's map of
            the image padded to `padded` pixels: B times smaller than the image's own is already
            large.
        depths: B float32, metres that each bin stands for.
        edges: B+1 float32 metres between the bins, increasing; None where bins have none.
        padded, resized, size: heights and widths of the padded image, of what the network got
            of the image, and of the image itself.
    """

    probabilities: np.ndarray
    depths: np.ndarray
    edges: np.ndarray | None
    padded: Size
    resized: Size
    size: Size

    def full_size(self) -> np.ndarray:
        """Return the probabilities B,H,W float32 in the image's size; mean over B is the depth."""
        maps = torch.from_numpy(self.probabilities)[None]
        height, width = self.resized
        return resize(resize(maps, self.padded)[..., :height, :width], self.size)[0].numpy()


@contextmanager
def record_bins(heads: dict[str, nn.Module]) -> Iterator[dict[str, list[tuple]]]:
    """Collect probabilities, depths and edges of every forward pass of the heads that have bins."""
    found: dict[str, list[tuple]] = {
        task: [] for task, head in heads.items() if isinstance(head, AttentionBinsHead)
    }

    def hook(task: str) -> RemovableHandle:
        def record(head: AttentionBinsHead, inputs: tuple, output: BinsPrediction) -> None:
            found[task].append((head.distribution(inputs[0]), output.values, output.edges))

        return heads[task].register_forward_hook(record)

    handles = [hook(task) for task in found]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
