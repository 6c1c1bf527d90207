"""A model as a program of torch.export that holds for any number and size of images."""

from __future__ import annotations

import logging
import math
import operator
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from timm.layers import padding
from torch.export import Dim, ExportedProgram
from torch.fx import Graph
from torch.fx.experimental import _config as fx_config
from torch.fx.experimental.symbolic_shapes import statically_known_true

from ...errors import MTLError
from ...models.segmentors import MultiTaskSegmentor
from ..predictors.model_info import ModelInfo
from .exportable import ExportableModel

INPUT = "images"

_timm_same_padding = padding.get_same_padding


class ExportError(MTLError, RuntimeError):
    """A model cannot be exported, or what was exported does not compute the same."""


def trace(
    network: MultiTaskSegmentor, info: ModelInfo, dynamic_axes: Iterable[int]
) -> ExportedProgram:
    """Trace a model.

    Args:
        network: the model; left as it is.
        info: what it takes.
        dynamic_axes: axes of the images that may be of any length, 0 for their number.

    Raises:
        ExportError: torch cannot trace it so.
    """
    model = ExportableModel(network, info.preprocess)
    # No multiples of the divisor: padding must be part of what is traced.
    height, width = info.size or (3 * info.size_divisor - 3, 4 * info.size_divisor - 5)
    images = torch.zeros(2, 3, height, width)
    if info.preprocess:
        images = images.permute(0, 2, 3, 1).to(torch.uint8).contiguous()
    # Nothing is empty: sides of maps are then simply what they are, not max(side, 1).
    dynamic = dict.fromkeys(dynamic_axes, Dim.DYNAMIC(min=1))
    try:
        with tracing():
            program = torch.export.export(
                model, (images,), dynamic_shapes={INPUT: dynamic}, strict=False
            )
    except Exception as error:  # torch raises whatever its tracing stumbles on
        reason = str(error).strip().partition("\n")[0]
        raise ExportError(
            f"torch.export cannot trace the model ({type(error).__name__}: {reason})."
        ) from error
    divide_in_whole_numbers(program.graph)
    for node in program.graph.nodes:
        # The paths of this machine's files.
        node.meta.pop("stack_trace", None)
    # Conditions on strides, of which sides of 1 pixel have several right ones. That other sizes
    # than the example's are predicted as they should be, `check_predictor` finds out.
    program._guards_code.clear()
    return program


@contextmanager
def tracing() -> Iterator[None]:
    """Trace without taking what holds of the example's sizes alone for true of all."""
    with (
        warnings.catch_warnings(),
        torch.no_grad(),
        # A single image or a map of one pixel is no special case.
        fx_config.patch(backed_size_oblivious=True),  # type: ignore[attr-defined]  # set late
        # Nor does the graph depend on the memory format and library that torch would choose for a
        # convolution by the number and size of its images.
        patch.object(torch._C, "_select_conv_backend", lambda *args, **kwargs: None),
        patch.object(
            torch._C, "_conv_determine_backend_memory_format", lambda *args: torch.contiguous_format
        ),
        patch.object(padding, "get_same_padding", _same_padding),
    ):
        # Both packages report what they try and give up on the way.
        warnings.simplefilter("ignore")
        level = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(level)


def _same_padding(side: int, kernel_size: int, stride: int, dilation: int) -> int:
    """Return timm's "same" padding, which is the same for all sides that are whole strides.

    Sides of maps are, and as an expression of the image's the padding of every layer would be
    longer than that of the layer before.
    """
    if statically_known_true(side % stride == 0):
        return max((kernel_size - 1) * dilation + 1 - stride, 0)
    return _timm_same_padding(side, kernel_size, stride, dilation)


def divide_in_whole_numbers(graph: Graph) -> None:
    """Write ceil(a / b) of sizes as -(-a // b), since torch cannot store the former.

    mmseg's padding of patches computes so.
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
