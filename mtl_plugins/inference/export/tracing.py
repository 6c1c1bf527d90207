"""Tracing: from a model to a program of torch.export for any number and size of images."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from unittest.mock import patch

import torch
from timm.layers import PatchEmbed, padding
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import Graph
from torch.fx.experimental import _config as fx_config
from torch.fx.experimental.symbolic_shapes import statically_known_true

from ...errors import ConfigError, MTLError
from ...models.segmentors import EXTRAS, MultiTaskSegmentor
from ...targets import IGNORE_LABEL
from ...utils import no_logs
from ..model_info import ModelInfo

INPUT = "images"
"""The name of the exported model's input."""

_timm_same_padding = padding.get_same_padding


class ExportError(MTLError, RuntimeError):
    """A model cannot be exported, or the exported model computes something else."""


class ExportableModel(nn.Module):
    """Predict every task at the size of the images, from tensors to tensors.

    Images are always predicted whole; `test_cfg` has no effect.

    Args:
        network: the model; copied, not changed.
        preprocess: whether the normalisation is part of the exported model.
        extras: names of further outputs, see `ModelInfo`.

    Shapes: N,3,H,W float32 normalised (with `preprocess`: N,H,W,3 uint8, BGR), or of as many
    channels as the network takes (with `preprocess`: float32), any N, H and W ->
    by the task's name: ids (classes, 0 and 1 of masks) N,H,W uint8, or int32 where there are more
    than 255 classes; every other task N,C,H,W float32 in its unit; extras N,C,H,W float32.
    """

    def __init__(
        self, network: MultiTaskSegmentor, preprocess: bool = False, extras: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.network = deepcopy(network).eval().requires_grad_(False)
        # In channels-last memory, tracing would fix conditions such as sides above 1.
        self.network.memory_format = torch.contiguous_format
        self.network.to(memory_format=torch.contiguous_format)
        # timm's views of tokens depend on strides, which tracing does not know for unknown sides.
        for module in self.network.modules():
            if isinstance(module, PatchEmbed):
                module.register_forward_hook(lambda _, inputs, tokens: tokens.contiguous())
        self.preprocess = preprocess
        self.extras = (*extras,)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the predictions by task."""
        if self.preprocess:
            images = self.network.data_preprocessor.normalised(images.permute(0, 3, 1, 2).float())
        raw = self.network.raw_maps(images)
        outputs = {task: head.decode(raw[task]) for task, head in self.network.decode_head.tasks()}
        for task, head in self.network.decode_head.tasks():
            if head.target.integer:
                # ONNX and torch hardly know uint16.
                dtype = torch.uint8 if head.out_channels <= IGNORE_LABEL else torch.int32
                outputs[task] = outputs[task][:, 0].to(dtype)
            for extra, compute in EXTRAS.items():
                if (name := f"{task}_{extra}") in self.extras:
                    outputs[name] = compute(head.mergeable(raw[task]))
        # In the order of the description.
        return {name: outputs[name] for name in [*raw, *self.extras]}


def trace(
    network: MultiTaskSegmentor, info: ModelInfo, dynamic_axes: Iterable[int]
) -> ExportedProgram:
    """Trace a model.

    Args:
        network: the model; not changed.
        info: its description, which says what images it takes.
        dynamic_axes: axes of the input that may have any length; axis 0 is the number of images.

    Raises:
        ExportError: torch cannot trace the model.
    """
    model = ExportableModel(network, info.preprocess, info.extras)
    # Not multiples of the divisor, so that padding is traced.
    height, width = info.size or (3 * info.size_divisor - 3, 4 * info.size_divisor - 5)
    images = torch.zeros(2, network.in_channels, height, width)
    if info.preprocess:
        dtype = torch.uint8 if info.plain else torch.float32
        images = images.permute(0, 2, 3, 1).to(dtype).contiguous()
    # With min=1 expressions for the sides of maps need no max(side, 1).
    dynamic = dict.fromkeys(dynamic_axes, Dim.DYNAMIC(min=1))
    try:
        with tracing():
            program = torch.export.export(
                model, (images,), dynamic_shapes={INPUT: dynamic}, strict=False
            )
    except ConfigError:
        raise  # the network does not take images of this size
    except Exception as error:  # tracing raises errors of any class
        reason = str(error).strip().partition("\n")[0]
        sizes = "" if info.size else " for any size; try one size (--size HEIGHT WIDTH)"
        raise ExportError(
            f"torch.export cannot trace the model ({type(error).__name__}: {reason}){sizes}."
        ) from error
    divide_in_whole_numbers(program.graph)
    for node in program.graph.nodes:
        # It holds paths of this machine.
        node.meta.pop("stack_trace", None)
    # These guards check strides, but several strides are right where a side is 1 pixel.
    # `check_predictor` tests sizes other than the example's.
    program._guards_code.clear()
    return program


@contextmanager
def tracing() -> Iterator[None]:
    """Keep tracing from generalising facts that hold for the example's sizes only."""
    with (
        warnings.catch_warnings(),
        torch.no_grad(),
        # A single image or a map of one pixel is no special case.
        fx_config.patch(backed_size_oblivious=True),  # type: ignore[attr-defined]  # set late
        # torch chooses memory format and library of a convolution by the number and size of the
        # images; the graph must not depend on that choice.
        patch.object(torch._C, "_select_conv_backend", lambda *args, **kwargs: None),
        patch.object(
            torch._C, "_conv_determine_backend_memory_format", lambda *args: torch.contiguous_format
        ),
        patch.object(padding, "get_same_padding", _same_padding),
    ):
        # torch and onnxscript report every attempt that they give up.
        warnings.simplefilter("ignore")
        with no_logs():
            yield


def _same_padding(side: int, kernel_size: int, stride: int, dilation: int) -> int:
    """Return timm's "same" padding, as a constant where the side is a multiple of the stride.

    The sides of all maps are. As an expression of the image's side, the padding of each layer would
    be longer than that of the layer before.
    """
    if statically_known_true(side % stride == 0):
        return max((kernel_size - 1) * dilation + 1 - stride, 0)
    return _timm_same_padding(side, kernel_size, stride, dilation)


def divide_in_whole_numbers(graph: Graph) -> None:
    """Replace ceil(a / b) of sizes, which torch cannot store, by -(-a // b).

    mmseg's padding of patches computes ceil(a / b).
    """
    for node in graph.nodes:
        if node.target is math.ceil and node.args[0].target is operator.truediv:
            side, divisor = node.args[0].args
            with graph.inserting_before(node):
                negative = graph.call_function(operator.neg, (side,))
                floor = graph.call_function(operator.floordiv, (negative, divisor))
                ceiling = graph.call_function(operator.neg, (floor,))
            value = side.meta["val"]
            negative.meta["val"] = -value
            floor.meta["val"] = -value // divisor
            ceiling.meta["val"] = -(-value // divisor)
            node.replace_all_uses_with(ceiling)
    graph.eliminate_dead_code()
