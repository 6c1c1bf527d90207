"""The formats into which a model is exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...models.segmentors import MultiTaskSegmentor
from ..predictors.model_info import KEY, ModelInfo
from ..predictors.optional import needed
from .pooling import without_pooling
from .tracing import INPUT, ExportError, trace, tracing

BATCH, HEIGHT, WIDTH = "batch", "height", "width"


def save_program(network: MultiTaskSegmentor, path: str, info: ModelInfo) -> None:
    """Write a program of torch.export, with the description among its extra files."""
    program = trace(network, info, _axes(info))
    for node in program.graph.nodes:
        # A view fits the strides that tracing assumed; with other sizes there may be others.
        if node.target is torch.ops.aten.view.default:
            node.target = torch.ops.aten.reshape.default
    torch.export.save(program, path, extra_files={KEY: info.to_json()})


def save_onnx(network: MultiTaskSegmentor, path: str, info: ModelInfo) -> None:
    """Write an ONNX file, with the description among its metadata.

    Its outputs are called as the tasks are, its axes `batch`, `height` and `width`.

    Raises:
        ExportError: the model has an operation that ONNX cannot express.
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
