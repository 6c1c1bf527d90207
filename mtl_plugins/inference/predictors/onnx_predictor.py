"""ONNX files, run by ONNX Runtime."""

from __future__ import annotations

import os

import numpy as np
import torch

from ...checkpoints import CheckpointError
from ...errors import ConfigError, MTLError
from .exported_predictor import ExportedPredictor, existing_file, first_line
from .model_info import KEY, ModelInfo
from .optional import needed

PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}
"""ONNX Runtime's name of each device, best first."""


class OnnxPredictor(ExportedPredictor):
    """Predict with an ONNX file of tools/export.py, by ONNX Runtime.

    Args:
        path: the file.
        device: "cuda" or "cpu"; default: the first of them that the installed ONNX Runtime has.

    Shapes: as in `Predictor`.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it is damaged, or was not written by tools/export.py.
        ConfigError: ONNX Runtime does not have the device.
        ImportError: ONNX Runtime is not installed.
        MTLError: when it is called, ONNX Runtime fails.
    """

    def __init__(
        self, path: str | os.PathLike[str], device: str | torch.device | None = None
    ) -> None:
        onnxruntime = needed("onnxruntime")
        name = existing_file(path)
        available = onnxruntime.get_available_providers()
        devices = [each for each, provider in PROVIDERS.items() if provider in available]
        wanted = devices if device is None else [torch.device(device).type, "cpu"]
        if wanted[0] not in devices:
            raise ConfigError(
                f"device={str(device)!r}, but the installed ONNX Runtime has {', '.join(devices)} "
                "alone. On an NVIDIA GPU: pip install onnxruntime-gpu"
            )
        options = onnxruntime.SessionOptions()
        # One place says how many threads there are: OMP_NUM_THREADS or torch.set_num_threads.
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # its errors are raised as well
        providers = list(dict.fromkeys(PROVIDERS[each] for each in wanted))
        try:
            self.session = onnxruntime.InferenceSession(name, options, providers=providers)
            self.name, self.input_name = name, self.session.get_inputs()[0].name
            stored = self.session.get_modelmeta().custom_metadata_map.get(KEY)
        except Exception as error:  # ONNX Runtime's errors have no common class
            raise CheckpointError(
                f"{name} could not be read as an ONNX model ({first_line(error)}); it may "
                "be truncated or of another format: copy it again, or export the model again."
            ) from error
        super().__init__(ModelInfo.from_json(stored, name))

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        """Return the model's outputs, in the order of the tasks."""
        try:
            return self.session.run(list(self.info.tasks), {self.input_name: inputs})
        except Exception as error:  # ONNX Runtime's errors have no common class
            raise MTLError(
                f"ONNX Runtime cannot run {self.name} on images {inputs.shape}: {error}"
            ) from error
