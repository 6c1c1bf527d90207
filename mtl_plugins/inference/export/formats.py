"""The formats of exported files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from ...models.segmentors import MultiTaskSegmentor
from ..exported_predictor import needed
from ..model_info import KEY, ModelInfo
from .tracing import INPUT, ExportError, trace, tracing

BATCH, HEIGHT, WIDTH = "batch", "height", "width"
"""The names of dynamic axes in ONNX files."""

POOLING = (torch.ops.aten.adaptive_avg_pool2d.default, torch.ops.aten._adaptive_avg_pool2d.default)
"""Adaptive pooling, which ONNX lacks."""


def save_program(network: MultiTaskSegmentor, path: str, info: ModelInfo) -> None:
    """Write a program of torch.export, with the description among its extra files.

    Raises:
        ExportError: torch cannot trace the model.
    """
    program = trace(network, info, _axes(info))
    for node in program.graph.nodes:
        # A view works with the strides that tracing assumed; other sizes may have other strides.
        if node.target is torch.ops.aten.view.default:
            node.target = torch.ops.aten.reshape.default
    torch.export.save(program, path, extra_files={KEY: info.to_json()})


def save_onnx(network: MultiTaskSegmentor, path: str, info: ModelInfo) -> None:
    """Write an ONNX file, with the description among its metadata.

    Its outputs have the names of the tasks, its axes are `batch`, `height` and `width`.

    Raises:
        ExportError: torch cannot trace the model, or ONNX cannot express it.
        ImportError: onnx or onnxscript is not installed.
    """
    needed("onnx")
    needed("onnxscript")
    program = trace(network, info, _axes(info))
    try:
        with tracing():
            onnx: Any = torch.onnx.export(
                without_pooling(program),
                input_names=[INPUT],
                output_names=info.outputs,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ExportError(f"ONNX cannot express the model ({error}).") from error
    model = onnx.model
    axes = _axes(info)
    for value in (*model.graph.inputs, *model.graph.outputs):
        # Outputs with a channel axis have the axes of normalised images.
        names = axes if value.name == INPUT else _OUTPUT_AXES[len(value.shape)]
        for axis, name in names.items():
            if name in axes.values():
                value.shape[axis] = name
    # torch's trace of each node's origin, which is larger than the nodes.
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
"""The suffix of each format, and the function that writes it."""

_OUTPUT_AXES = {3: {0: BATCH, 1: HEIGHT, 2: WIDTH}, 4: {0: BATCH, 2: HEIGHT, 3: WIDTH}}


def _axes(info: ModelInfo) -> dict[int, str]:
    """Return the names of the input's dynamic axes."""
    axes = {0: BATCH, 1: HEIGHT, 2: WIDTH} if info.preprocess else _OUTPUT_AXES[4]
    return axes if info.size is None else {0: BATCH}


def average_cells(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Average maps over the cells of a grid, as `adaptive_avg_pool2d`, by two matrix products.

    The usual translations into ONNX are right for one size only.

    Shapes: (..., H, W) -> (..., *size).

    >>> x = torch.rand(2, 3, 7, 10)
    >>> pooled = torch.nn.functional.adaptive_avg_pool2d(x, (3, 4))
    >>> torch.allclose(average_cells(x, (3, 4)), pooled)
    True
    """
    rows, columns = (
        _cell_weights(side, cells, maps) for side, cells in zip(maps.shape[-2:], size, strict=True)
    )
    return rows @ maps @ columns.mT


def without_pooling(program: ExportedProgram) -> ExportedProgram:
    """Return a program with every adaptive pooling replaced by `average_cells`."""
    if not any(node.target in POOLING for node in program.graph.nodes):
        return program
    return program.run_decompositions(dict.fromkeys(POOLING, average_cells))


def _cell_weights(side: int, cells: int, like: Tensor) -> Tensor:
    """Return the weight of each pixel in the mean of each cell, (cells, side).

    Cell i covers pixels from floor(i * side / cells) up to ceil((i + 1) * side / cells).
    """
    pixel = torch.arange(side, device=like.device)
    cell = torch.arange(cells, device=like.device)[:, None]
    start = cell * side // cells
    end = ((cell + 1) * side + cells - 1) // cells
    inside = ((pixel >= start) & (pixel < end)).to(like.dtype)
    return inside / (end - start).to(like.dtype)
