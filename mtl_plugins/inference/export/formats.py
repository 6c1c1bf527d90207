"""The formats into which a model is exported."""

from __future__ import annotations

import logging
import math
import operator
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch.export import Dim, ExportedProgram
from torch.fx import Graph

from ...errors import MTLError
from ...models.segmentors import MultiTaskSegmentor
from ..model_info import KEY, ModelInfo
from ..optional import needed
from .exportable import ExportableModel
from .pooling import without_pooling

INPUT = "images"
BATCH, HEIGHT, WIDTH = "batch", "height", "width"


class ExportError(MTLError, RuntimeError):
    """A model cannot be exported, or what was exported does not compute the same."""


def export_program(network: MultiTaskSegmentor, info: ModelInfo) -> ExportedProgram:
    """Trace a model for any number and size of images.

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
    dynamic = dict.fromkeys(_axes(info), Dim.DYNAMIC(min=1))
    try:
        with _tracing():
            program = torch.export.export(
                model, (images,), dynamic_shapes={INPUT: dynamic}, strict=False
            )
    except Exception as error:  # torch raises whatever its tracing stumbles on
        raise ExportError(
            f"torch.export cannot trace the model ({type(error).__name__}: "
            f"{str(error).strip().splitlines()[0]})."
        ) from error
    _divide_in_whole_numbers(program.graph)
    for node in program.graph.nodes:
        # The paths of this machine's files.
        node.meta.pop("stack_trace", None)
    # Conditions on strides, of which sides of 1 pixel have several right ones. That other sizes
    # than the example's are predicted as they should be, `check_predictor` finds out.
    program._guards_code.clear()
    return program


def save_program(network: MultiTaskSegmentor, path: str, info: ModelInfo) -> None:
    """Write a program of torch.export, with the description among its extra files."""
    torch.export.save(export_program(network, info), path, extra_files={KEY: info.to_json()})


def save_onnx(network: MultiTaskSegmentor, path: str, info: ModelInfo) -> None:
    """Write an ONNX file, with the description among its metadata.

    Its outputs are called as the tasks are, its axes `batch`, `height` and `width`.

    Raises:
        ExportError: the model has an operation that ONNX cannot express.
        ImportError: onnx or onnxscript is not installed.
    """
    needed("onnx")
    needed("onnxscript")
    program = export_program(network, info)
    try:
        with _tracing():
            onnx = torch.onnx.export(
                without_pooling(program),
                input_names=[INPUT],
                output_names=list(info.tasks),
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ExportError(f"ONNX cannot express the model ({error}).") from error
    model = onnx.model
    axes = _axes(info)
    for value in (*model.graph.inputs, *model.graph.outputs):
        # Behind a channel the axes of outputs are those of normalised images.
        names = axes if value.name == INPUT else _OUTPUT_AXES[len(value.shape)]
        for axis, name in names.items():
            if name in axes.values():
                value.shape[axis] = name
    # How torch came to each node, which takes more room than the nodes.
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
    model.graph.metadata_props.clear()
    model.metadata_props[KEY] = info.to_json()
    model.producer_name, model.producer_version = KEY, info.version
    onnx.save(path)


FORMATS: dict[str, tuple[str, Callable[[MultiTaskSegmentor, str, ModelInfo], None]]] = {
    "onnx": (".onnx", save_onnx),
    "torch": (".pt2", save_program),
}
"""Each format's suffix and what writes it."""

_OUTPUT_AXES = {3: {0: BATCH, 1: HEIGHT, 2: WIDTH}, 4: {0: BATCH, 2: HEIGHT, 3: WIDTH}}


def _axes(info: ModelInfo) -> dict[int, str]:
    """Return the names of the input's dynamic axes."""
    axes = {0: BATCH, 1: HEIGHT, 2: WIDTH} if info.preprocess else _OUTPUT_AXES[4]
    return axes if info.size is None else {0: BATCH}


@contextmanager
def _tracing() -> Iterator[None]:
    """Trace without taking what holds of the example's sizes alone for true of all."""
    with (
        warnings.catch_warnings(),
        torch.no_grad(),
        # A single image or a map of one pixel is no special case.
        torch.fx.experimental._config.patch(backed_size_oblivious=True),
        # Nor does the graph depend on the memory format and library that torch would choose for a
        # convolution by the number and size of its images.
        patch.object(torch._C, "_select_conv_backend", lambda *args, **kwargs: None),
        patch.object(
            torch._C, "_conv_determine_backend_memory_format", lambda *args: torch.contiguous_format
        ),
    ):
        # Both packages report what they try and give up on the way.
        warnings.simplefilter("ignore")
        level = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(level)


def _divide_in_whole_numbers(graph: Graph) -> None:
    """Write ceil(a / b) of sizes as -(-a // b), since torch cannot store the former.

    timm's and mmseg's "same" padding compute so.
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
