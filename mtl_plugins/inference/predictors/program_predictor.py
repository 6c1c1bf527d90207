"""Programs of torch.export, run by torch."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch.export.passes import move_to_device_pass

from ...checkpoints import CheckpointError, check_archive
from ...errors import MTLError
from .device import checked_device
from .exported_predictor import ExportedPredictor, existing_file, first_line
from .model_info import KEY, ModelInfo


class ExportedProgramPredictor(ExportedPredictor):
    """Predict with a `.pt2` file of tools/export.py, by torch.

    Args:
        path: the file. Like every file of torch.export it is to be trusted: read none of others.
        device: of torch; default: "cuda" where there is one, else "cpu".

    Shapes: as in `Predictor`.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it is damaged, or was not written by tools/export.py.
        ConfigError: torch has no such device here.
        MTLError: when it is called, torch fails.
    """

    def __init__(
        self, path: str | os.PathLike[str], device: str | torch.device | None = None
    ) -> None:
        self.device = checked_device(device)
        name = existing_file(path)
        stored = {KEY: ""}
        try:
            check_archive(Path(name))
            program = torch.export.load(name, extra_files=stored)
        except Exception as error:  # torch's errors here have no common class
            raise CheckpointError(
                f"{name} could not be read as a program of torch.export "
                f"({first_line(error)}); it may be truncated or of another format: copy "
                "it again, or export the model again."
            ) from error
        super().__init__(ModelInfo.from_json(stored[KEY] or None, name))
        self.name = name
        # Constants that the program makes itself move too.
        self.module = move_to_device_pass(program, str(self.device)).module()

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        """Return the model's outputs, in the order of the tasks."""
        try:
            with torch.no_grad():
                outputs = self.module(torch.from_numpy(inputs).to(self.device))
        except RuntimeError as error:
            raise MTLError(
                f"torch cannot run {self.name} on images {inputs.shape}: {error}"
            ) from error
        return [outputs[task].cpu().numpy() for task in self.info.tasks]
