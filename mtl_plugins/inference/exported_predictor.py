"""Prediction with exported files: ONNX by ONNX Runtime, programs of torch.export by torch."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import BadZipFile, is_zipfile

import numpy as np
import torch
from torch.export.passes import move_to_device_pass

from ..checkpoints import CheckpointError, check_archive
from ..datasets import image_breach
from ..errors import ConfigError, DataError, MTLError
from ..models.preprocessing import RGB_CHANNELS
from .model_info import KEY, ModelInfo
from .predictor import Maps, checked_device

PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}
"""ONNX Runtime's name of each device, fastest first."""


class ExportedPredictor(ABC):
    """Run an exported model on images; subclasses read the file and run the model.

    Args:
        path: the file.

    Attributes:
        runtime: the library that runs the model, for messages.
        info: the description in the file.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it is damaged, or was not written by tools/export.py.
        ConfigError: the device cannot be used here.
        MTLError: when it is called, the library fails.
    """

    runtime: str
    info: ModelInfo

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = os.path.expanduser(path)
        if not os.path.isfile(self.name):
            raise FileNotFoundError(f"There is no model file {self.name}; check the path.")

    @property
    def metainfo(self) -> dict[str, Any]:
        """Targets of the tasks and what follows from them."""
        return self.info.metainfo

    def __call__(self, images: Sequence[np.ndarray]) -> list[Maps]:
        """Return each image's maps by task, in the image's size.

        Images of equal size form a batch. No image is padded to the size of another, so that each
        gets the prediction it gets alone.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            if breach := image_breach(image, len(self.info.mean), not self.info.plain):
                raise DataError(f"Image {index} {breach}, BGR first, as OpenCV reads it.")
            groups.setdefault(image.shape, []).append(index)
        results: list[Maps] = [{} for _ in images]
        for indices in groups.values():
            for task, maps in self._predict(np.stack([images[i] for i in indices])).items():
                for index, each in zip(indices, maps, strict=True):
                    results[index][task] = each
        return results

    @abstractmethod
    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        """Return the outputs of the model in their order; inputs as in `ModelInfo`."""

    def _predict(self, batch: np.ndarray) -> Maps:
        """Return the maps of each task, N,H,W or N,H,W,C, for images N,H,W,C."""
        size = batch.shape[1:3]
        if self.info.size not in (None, size):
            raise DataError(
                f"The exported model takes images of {self.info.size} (height, width) alone, and "
                f"got {size}: resize them."
            )
        inputs = batch if self.info.preprocess else self._normalised(batch)
        if not self.info.plain:
            inputs = inputs.astype(np.float32, copy=False)
        try:
            outputs = self.run(inputs)
        except Exception as error:  # the runtimes' errors have no common class
            raise MTLError(
                f"{self.runtime} cannot run {self.name} on images {inputs.shape}: {error}"
            ) from error
        found = {}
        for name, maps in zip(self.info.outputs, outputs, strict=True):
            target = self.info.targets.get(name)
            # Ids have no channel axis.
            values = maps if maps.ndim == 3 else pixels_first(maps)
            found[name] = values.astype(target.dtype if target else "float32", copy=False)
        return found

    def _normalised(self, batch: np.ndarray) -> np.ndarray:
        """Turn N,H,W,C into N,C,H,W float32, as `MultiTaskDataPreprocessor` does."""
        order = [*range(batch.shape[-1])]
        if self.info.bgr_to_rgb:
            order[:RGB_CHANNELS] = reversed(order[:RGB_CHANNELS])
        channels = batch[..., order]
        mean, std = (np.array(values, np.float32) for values in (self.info.mean, self.info.std))
        return np.ascontiguousarray(((channels - mean) / std).transpose(0, 3, 1, 2))

    def _unreadable(self, kind: str, error: Exception) -> CheckpointError:
        reason = str(error).strip().partition("\n")[0]
        return CheckpointError(
            f"{self.name} could not be read as {kind} ({reason}); it may be truncated or of "
            "another format: copy it again, or export the model again."
        )


class OnnxPredictor(ExportedPredictor):
    """Predict with an ONNX file of tools/export.py, by ONNX Runtime.

    Args:
        path: the file.
        device: "cuda" or "cpu"; default: "cuda" where the installed ONNX Runtime has it.

    Raises:
        ImportError: ONNX Runtime is not installed.
        Exception: as `ExportedPredictor`.
    """

    runtime = "ONNX Runtime"

    def __init__(
        self, path: str | os.PathLike[str], device: str | torch.device | None = None
    ) -> None:
        onnxruntime = needed("onnxruntime")
        super().__init__(path)
        available = onnxruntime.get_available_providers()
        devices = [each for each, provider in PROVIDERS.items() if provider in available]
        wanted = devices if device is None else [torch.device(device).type, "cpu"]
        if wanted[0] not in devices:
            raise ConfigError(
                f"device={str(device)!r}, but the installed ONNX Runtime has {', '.join(devices)} "
                "alone. On an NVIDIA GPU: pip install onnxruntime-gpu"
            )
        options = onnxruntime.SessionOptions()
        # OMP_NUM_THREADS or torch.set_num_threads sets the number of threads everywhere.
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # its errors are raised as well
        providers = list(dict.fromkeys(PROVIDERS[each] for each in wanted))
        try:
            self.session = onnxruntime.InferenceSession(self.name, options, providers=providers)
            self.input_name = self.session.get_inputs()[0].name
            stored = self.session.get_modelmeta().custom_metadata_map.get(KEY)
        except Exception as error:  # ONNX Runtime's errors have no common class
            raise self._unreadable("an ONNX model", error) from error
        self.info = ModelInfo.from_json(stored, self.name)

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        return self.session.run(self.info.outputs, {self.input_name: inputs})


class ExportedProgramPredictor(ExportedPredictor):
    """Predict with a `.pt2` file of tools/export.py, by torch.

    Args:
        path: the file. It is a program, as every file of torch.export: read only files you trust.
        device: of torch; default: "cuda" where available, else "cpu".

    Raises:
        Exception: as `ExportedPredictor`.
    """

    runtime = "torch"

    def __init__(
        self, path: str | os.PathLike[str], device: str | torch.device | None = None
    ) -> None:
        super().__init__(path)
        self.device = checked_device(device)
        stored = {KEY: ""}
        try:
            check_archive(Path(self.name))
            if not is_zipfile(self.name):
                raise BadZipFile("it is no archive, or only the beginning of one")
            program = torch.export.load(self.name, extra_files=stored)
        except Exception as error:  # torch's errors here have no common class
            raise self._unreadable("a program of torch.export", error) from error
        self.info = ModelInfo.from_json(stored[KEY] or None, self.name)
        # Unlike `module.to`, the pass also moves constants that the program creates.
        self.module = move_to_device_pass(program, str(self.device)).module()

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            outputs = self.module(torch.from_numpy(inputs).to(self.device))
        return [outputs[task].cpu().numpy() for task in self.info.outputs]


def pixels_first(maps: np.ndarray) -> np.ndarray:
    """Turn maps N,C,H,W into N,H,W,C, or into N,H,W where C is 1.

    >>> pixels_first(np.zeros((2, 3, 4, 5))).shape, pixels_first(np.zeros((2, 1, 4, 5))).shape
    ((2, 4, 5, 3), (2, 4, 5))
    """
    return maps[:, 0] if maps.shape[1] == 1 else maps.transpose(0, 2, 3, 1)


def needed(package: str) -> ModuleType:
    """Import a package of the extra [export].

    Raises:
        ImportError: it is not installed; the message has the command that installs it.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(
            f"This needs {package}, which cannot be imported ({error}). Run: pip install "
            '"mtl_plugins[export]", or: pip install onnx onnxruntime onnxscript'
        ) from error
