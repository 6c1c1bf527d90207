"""Write predictions as files that the data set can read as its truth."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from PIL import Image

from ...datasets import DepthFormat, LabelFormat, NormalFormat, TargetFormat
from ...errors import DataError
from ...targets import DENSE_TARGETS, DenseTarget

PLAIN = {"semseg": LabelFormat(255), "depth": DepthFormat(scale=1 / 256), "normals": NormalFormat()}
"""Formats of predictions of images without a file of the truth."""


@HOOKS.register_module()
class SavePredictionsHook(Hook):
    """Write every prediction of a test as a file, in the layout of the data set.

    A prediction has the same path below `folder` as its truth below the data root, and the same
    encoding: class ids as the files' label values, depth as 16-bit centimetres, disparity, ...
    With `data_root` set to `folder`, the data set reads the predictions. Images without a file of
    the truth get `<kind>/<image>.png` with class ids, 16-bit depth in 1/256 m or 8-bit normals.
    Other kinds, and formats that cannot encode, get `<kind>/<image>.npy` with the plain values.

    Args:
        folder: folder for the files.

    Raises:
        DataError: a sample lacks the path of its image.
    """

    priority = "LOW"

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._entries: dict[str, dict] = {}
        self._dataset: Any = None

    def before_test_epoch(self, runner: Runner) -> None:
        """Look up the files that belong to each image."""
        self._dataset = dataset = runner.test_loop.dataloader.dataset
        entries = (dataset.get_data_info(index) for index in range(len(dataset)))
        self._entries = {entry["img_path"]: entry for entry in entries}

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Write the predictions of a batch."""
        for sample in outputs or ():
            path = sample.metainfo.get("img_path")
            if path not in self._entries:
                raise DataError(
                    f"A sample says that its image is {path}, which is not in the data set: keep "
                    "img_path in the meta_keys of the pipeline's PackTargets."
                )
            for target in DENSE_TARGETS.values():
                if target.prediction in sample:
                    data = sample.get(target.prediction).data.cpu().numpy()
                    self._write(self._entries[path], target, data)

    def _write(self, entry: dict, target: DenseTarget, data: np.ndarray) -> None:
        values = data[0] if len(data) == 1 else np.moveaxis(data, 0, 2)
        root = self._dataset.data_root
        truth = entry.get(target.path)
        encoded = None
        if truth and truth.endswith(".png"):
            encoder = self._dataset.format_of(entry, target).for_file(truth)
            encoded, name = _encoded(encoder, values), _below(truth, root)
        if encoded is None:
            encoded = _encoded(PLAIN.get(target.kind), values)
            stem = os.path.splitext(_below(entry["img_path"], root))[0]
            name = os.path.join(target.kind, stem + (".npy" if encoded is None else ".png"))
        place = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if encoded is None:
            np.save(place, values)
        else:
            Image.fromarray(encoded).save(place)


def _encoded(encoder: TargetFormat | None, values: np.ndarray) -> np.ndarray | None:
    """Return values encoded for a picture; None if there is no format or it cannot encode."""
    try:
        return None if encoder is None else encoder.encode(values)
    except NotImplementedError:
        return None


def _below(path: str, root: str | None) -> str:
    """Return a path relative to a root, or only its name if it is outside the root.

    >>> _below("data/rgb/val/a.png", "data"), _below("/other/a.png", "data")
    ('rgb/val/a.png', 'a.png')
    """
    relative = os.path.relpath(path, root or os.curdir)
    return os.path.basename(path) if relative.startswith(os.pardir) else relative
