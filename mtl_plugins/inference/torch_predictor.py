"""Prediction with a checkpoint, by PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample

from ..checkpoints import build_network, load_checkpoint, load_weights
from ..config import complete_tasks, copied, image_transforms, load_config, stored_config
from ..datasets.files import is_image_range
from ..errors import ConfigError
from ..models.task_heads import AttentionBinsHead, BinsPrediction
from ..utils import choose_dtype
from .descriptions import extra_outputs, metainfo_of, network_targets
from .predictor import DepthBins, Maps, checked_device


class TorchPredictor:
    """Predict with the network of a checkpoint, as `tools/test.py` does.

    Images pass through the config's test pipeline (except for reading files), preprocessor and
    `test_cfg` (whole or sliding, one view or several).

    Args:
        checkpoint: file of a training run. Read with `weights_only=True`: it runs no code.
        config: config file (Python, executed) or config of the network; default: the config that
            the checkpoint carries, read as data.
        device, amp, options, extras: as in `MultiTaskInferencer`.

    Attributes:
        config: with the tasks completed by the targets of the data set.
        targets: the target of each task.

    Raises:
        CheckpointError: the checkpoint would need pickle, or its own config would run code.
        ConfigError: config and checkpoint do not fit together, or there is no such device.
    """

    def __init__(
        self,
        checkpoint: str | Path,
        config: str | Path | Config | None = None,
        device: str | torch.device | None = None,
        amp: bool = False,
        options: Sequence[str] = (),
        extras: Sequence[str] = (),
    ) -> None:
        name = str(checkpoint)
        if options and not isinstance(config, (str, Path)):
            raise ConfigError("Options are laid over a config file: give the config as well.")
        content = load_checkpoint(checkpoint)
        if config is None:
            found = stored_config(content, name)
        else:
            given = isinstance(config, Config)
            found = copied(config) if given else load_config(config, options)
            complete_tasks(found)
        self.device = checked_device(device)
        if not found.get("model"):
            raise ConfigError(f"The config for {name} has no model.")
        init_default_scope("mmseg")
        self.config = found
        model = found["model"].to_dict()
        model.pop("balancer", None)  # needed for training only
        self.network = build_network(model, name)
        load_weights(self.network, content, name)
        self.network.to(self.device).eval()
        self.heads = dict(self.network.decode_head.tasks())
        self.pipeline = Compose(image_transforms(found))
        meta = _dataset_meta(content)
        self.targets = network_targets(self.heads, meta)
        limits = meta.get("image_range")
        self.extras = extra_outputs(self.heads, extras)
        # Those of the config are for metrics.
        views = self.network.inference_config
        self.network.inference_config = replace(views, extras=(*extras,))
        channels = self.network.in_channels
        limits = limits if is_image_range(limits, channels) else None
        known = metainfo_of(self.targets, limits, channels)
        self.metainfo = {**known, "extras": (*self.extras,)}
        self.dtype = choose_dtype("auto", self.device.type) if amp else None

    def __call__(self, images: Sequence[np.ndarray]) -> list[Maps]:
        """Return the maps of each image by task, see `Maps`."""
        return [self._maps(sample) for sample in self._run(images)]

    def with_bins(self, images: Sequence[np.ndarray]) -> list[tuple[Maps, dict[str, DepthBins]]]:
        """Return the maps of each image, and the distribution of every task that has bins.

        Raises:
            ConfigError: no task has bins, or the network sees an image in several windows or
                views, each of which has other bins.
        """
        views = self.network.inference_config
        if views.mode == "slide" or views.tta is not None:
            raise ConfigError(
                "Bins are chosen for each window and each view, so that the image has no one "
                "distribution. Set model.test_cfg to dict(mode='whole')."
            )
        return [self._with_bins(image) for image in images]

    def _with_bins(self, image: np.ndarray) -> tuple[Maps, dict[str, DepthBins]]:
        bins: dict[str, tuple] = {}

        def record(task: str, head: AttentionBinsHead, inputs: tuple, raw: BinsPrediction) -> None:
            bins[task] = head.distribution(inputs[0]), raw.values, raw.edges

        with ExitStack() as stack:
            for task, head in self.heads.items():
                if isinstance(head, AttentionBinsHead):
                    stack.callback(head.register_forward_hook(partial(record, task)).remove)
            (sample,) = self._run([image])
        if not bins:
            kinds = {task: type(head).__name__ for task, head in self.heads.items()}
            raise ConfigError(f"No task has bins; AttentionBinsHead would, found {kinds}.")
        return self._maps(sample), {task: self._bins(found, sample) for task, found in bins.items()}

    def _packed(self, image: np.ndarray) -> dict[str, Any]:
        size = image.shape[:2]
        packed = self.pipeline(
            dict(img=image, img_shape=size, ori_shape=size, img_path=None, seg_fields=[])
        )
        if not isinstance(packed, dict) or not isinstance(packed.get("inputs"), torch.Tensor):
            raise ConfigError(
                "The config's test pipeline does not end with one packed image; end it with "
                "PackTargets, and leave test-time augmentation out of it."
            )
        return packed

    @torch.inference_mode()
    def _run(self, images: Sequence[np.ndarray]) -> list[SegDataSample]:
        packed = [self._packed(image) for image in images]
        batch = {name: [each[name] for each in packed] for name in ("inputs", "data_samples")}
        context = torch.autocast(self.device.type, self.dtype) if self.dtype else nullcontext()
        with context:
            return self.network.test_step(batch)

    def _maps(self, sample: SegDataSample) -> Maps:
        found = {
            task: _as_array(sample.get(target.prediction).data, target.dtype)
            for task, target in self.targets.items()
        }
        for name, (task, extra) in self.extras.items():
            found[name] = _as_array(sample.get(self.targets[task].extra(extra)).data, "float32")
        return found

    def _bins(self, recorded: tuple, sample: SegDataSample) -> DepthBins:
        probabilities, depths, edges = recorded
        meta = sample.metainfo
        return DepthBins(
            probabilities[0].cpu().numpy(),
            depths[0].cpu().numpy(),
            None if edges is None else edges[0].cpu().numpy(),
            self.network.padded_size(*meta["pad_shape"][:2]),
            meta["img_shape"][:2],
            meta["ori_shape"][:2],
        )


def _dataset_meta(checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metainfo of the data set that a checkpoint was trained on, if it has one."""
    meta: Any = checkpoint.get("meta")
    meta = meta.get("dataset_meta") if isinstance(meta, Mapping) else None
    return meta if isinstance(meta, Mapping) else {}


def _as_array(data: torch.Tensor, dtype: str) -> np.ndarray:
    """Return 1,H,W as H,W and C,H,W as H,W,C."""
    values = (data[0] if len(data) == 1 else data.movedim(0, 2)).cpu().numpy()
    return np.ascontiguousarray(values.astype(dtype))
