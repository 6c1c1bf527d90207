"""Predictions as files that the data set could read as its truth."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmseg.registry import HOOKS
from PIL import Image

from ..datasets import DepthFormat, LabelFormat, NormalFormat
from ..datasets.target_format import TargetFormat
from ..errors import DataError
from ..structures import DENSE_TARGETS, DEPTH, NORMALS, SEMSEG, DenseTarget

PLAIN = {
    SEMSEG.kind: LabelFormat(255),
    DEPTH.kind: DepthFormat(scale=1 / 256),
    NORMALS.kind: NormalFormat(),
}
"""How predictions are written where no file of the truth says how."""


@HOOKS.register_module()
class SavePredictionsHook(Hook):
    """Write every prediction of a test as a PNG file, in the layout of the data set.

    A prediction lies below `folder` where its truth lies below the data root, and is encoded as
    the truth is: class ids as the files' label values, depth as 16-bit centimetres, disparity, ...
    so that the data set reads it when `data_root` is set to `folder`. Where there is no file of the
    truth, `<kind>/<image>.png` holds class ids, 16-bit depth in 1/256 m or 8-bit normals.

    Args:
        folder: where the files go.

    Raises:
        DataError: a sample does not know the path of its image.
    """

    priority = "LOW"

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._entries: dict[str, dict] = {}

    def before_test_epoch(self, runner: Runner) -> None:
        """Remember which files belong to each image."""
        dataset = runner.test_loop.dataloader.dataset
        entries = (dataset.get_data_info(index) for index in range(len(dataset)))
        self._entries = {entry["img_path"]: entry for entry in entries}

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Write the predictions of a batch."""
        for sample in outputs or ():
            path = sample.metainfo.get("img_path")
            if path not in self._entries:
                raise DataError(
                    f"A sample says that its image is {path}, which is none of the data set: keep "
                    "img_path in the meta_keys of the pipeline's PackTargets."
                )
            for target in DENSE_TARGETS.values():
                if target.prediction in sample:
                    data = sample.get(target.prediction).data.cpu().numpy()
                    self._write(self._entries[path], target, data)

    def _write(self, entry: dict, target: DenseTarget, data: np.ndarray) -> None:
        values = data[0] if len(data) == 1 else np.moveaxis(data, 0, 2)
        place, encoder = self._place(entry, target)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        Image.fromarray(encoder.encode(values)).save(place)

    def _place(self, entry: dict, target: DenseTarget) -> tuple[str, TargetFormat]:
        """Return the file of a prediction, and what encodes it."""
        truth, root = entry.get(target.path), entry["dataset"].data_root
        if truth and target.kind in entry["formats"] and truth.endswith(".png"):
            name, encoder = truth, entry["formats"][target.kind].for_file(truth)
        else:
            stem = os.path.splitext(_below(entry["img_path"], root))[0]
            name, encoder = os.path.join(root or "", target.kind, stem + ".png"), PLAIN[target.kind]
        return os.path.join(self.folder, _below(name, root)), encoder


def _below(path: str, root: str | None) -> str:
    """Return a path relative to a root; only its name where it lies elsewhere.

    >>> _below("data/rgb/val/a.png", "data"), _below("/other/a.png", "data")
    ('rgb/val/a.png', 'a.png')
    """
    relative = os.path.relpath(path, root or os.curdir)
    return os.path.basename(path) if relative.startswith(os.pardir) else relative
