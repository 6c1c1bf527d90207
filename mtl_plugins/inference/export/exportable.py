"""A model as an export wants it: images in, physical predictions out."""

from __future__ import annotations

from copy import deepcopy

import torch
from timm.layers import PatchEmbed
from torch import Tensor, nn

from ...models.segmentors import MultiTaskSegmentor
from ...targets import SEMSEG


class ExportableModel(nn.Module):
    """Predict every task at the size of the images, from tensors to tensors.

    The images are always taken whole; `test_cfg` is of no effect.

    Args:
        network: the model; copied, so that it stays as it is.
        preprocess: whether the normalisation is part of the model.

    Shapes: N,3,H,W float32 normalised (with `preprocess`: N,H,W,3 uint8, BGR), any N, H and W ->
    by the task's name: classes N,H,W uint8, every other task N,C,H,W float32 in its unit.
    """

    def __init__(self, network: MultiTaskSegmentor, preprocess: bool = False) -> None:
        super().__init__()
        self.network = deepcopy(network).eval().requires_grad_(False)
        # Tracing would fix whatever tells channels-last memory apart, such as sides above 1.
        self.network.memory_format = torch.contiguous_format
        self.network.to(memory_format=torch.contiguous_format)
        # timm views tokens as it finds them in memory, which no tracing follows for sides unknown.
        for module in self.network.modules():
            if isinstance(module, PatchEmbed):
                module.register_forward_hook(lambda _, inputs, tokens: tokens.contiguous())
        self.preprocess = preprocess

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the tasks' predictions."""
        if self.preprocess:
            images = self.network.data_preprocessor.normalised(images.permute(0, 3, 1, 2).float())
        raw = self.network.raw_maps(images)
        outputs = {task: head.decode(raw[task]) for task, head in self.network.decode_head.tasks()}
        for task, head in self.network.decode_head.tasks():
            if head.target is SEMSEG:
                outputs[task] = outputs[task][:, 0].to(torch.uint8)
        return outputs
