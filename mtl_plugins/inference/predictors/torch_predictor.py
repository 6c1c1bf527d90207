"""Predictions of a trained network in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample

from ...checkpoints import build_network, load_checkpoint, load_weights
from ...config import image_transforms, load_config, stored_config
from ...errors import ConfigError
from ...models.segmentors import MultiTaskSegmentor
from ...utils import choose_dtype
from .bins import DepthBins, record_bins
from .device import checked_device
from .metainfo import read_metainfo
from .predictor import Maps


class TorchPredictor:
    """Predict with the network of a checkpoint, as `tools/test.py` does.

    Images pass the config's test pipeline (but for reading files), preprocessor and `test_cfg`
    (whole or sliding, once or in several views).

    Args:
        checkpoint: file of a training run. Read with `weights_only=True`: it runs no code.
        config: config file (Python, executed) or config of the network; default: what the
            checkpoint carries, read as data.
        device: "cpu", "cuda", "cuda:1", ...; default: CUDA where there is one.
        amp: mixed precision, bfloat16 where the device can.
        options: `key=value` laid over a config file, as in `--cfg-options`.

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
    ) -> None:
        name = str(checkpoint)
        if options and not isinstance(config, (str, Path)):
            raise ConfigError("Options are laid over a config file: give the config as well.")
        content = load_checkpoint(checkpoint)
        if config is None:
            found = stored_config(content, name)
        elif isinstance(config, Config):
            found = config
        else:
            found = load_config(config, options)
        self.device = checked_device(device)
        self.network = _build_network(found, name)
        load_weights(self.network, content, name)
        self.network.to(self.device).eval()
        self.heads = dict(self.network.decode_head.tasks())
        self.pipeline = Compose(image_transforms(found))
        self.metainfo = read_metainfo(self.heads, content, found)
        self.dtype = choose_dtype("auto", self.device.type) if amp else None

    def __call__(self, images: Sequence[np.ndarray]) -> list[Maps]:
        """Return the maps of each image by task; see `Predictor`."""
        return [self._maps(sample) for sample in self._run(images)]

    def with_bins(self, images: Sequence[np.ndarray]) -> list[tuple[Maps, dict[str, DepthBins]]]:
        """Return the maps of each image, and the distribution of every task that has bins.

        Raises:
            ConfigError: no task has bins, or the network looks at an image several times (windows,
                test-time augmentation): each look has bins of its own.
        """
        looks = self.network.inference_config
        if looks.mode == "slide" or looks.tta is not None:
            raise ConfigError(
                "Bins are chosen for each window and each view, so that the image has no one "
                "distribution. Set model.test_cfg to dict(mode='whole')."
            )
        return [self._with_bins(image) for image in images]

    def _with_bins(self, image: np.ndarray) -> tuple[Maps, dict[str, DepthBins]]:
        with record_bins(self.heads) as recorded:
            (sample,) = self._run([image])
        if not recorded:
            kinds = {task: type(head).__name__ for task, head in self.heads.items()}
            raise ConfigError(f"No task has bins; AttentionBinsHead would, found {kinds}.")
        bins = {task: self._bins(found[0], sample) for task, found in recorded.items()}
        return self._maps(sample), bins

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
        return {
            task: _as_array(sample.get(head.target.prediction).data)
            for task, head in self.heads.items()
        }

    def _bins(self, recorded: tuple, sample: SegDataSample) -> DepthBins:
        probabilities, depths, edges = recorded
        meta = sample.metainfo
        side = self.network.size_divisor
        padded = tuple(-(-length // side) * side for length in meta["pad_shape"][:2])
        return DepthBins(
            probabilities[0].cpu().numpy(),
            depths[0].cpu().numpy(),
            None if edges is None else edges[0].cpu().numpy(),
            padded,
            meta["img_shape"][:2],
            meta["ori_shape"][:2],
        )


def _build_network(config: Mapping[str, Any], name: str) -> MultiTaskSegmentor:
    """Build the network without fetching weights and without its balancer, which is training's."""
    if not config.get("model"):
        raise ConfigError(f"The config for {name} has no model.")
    init_default_scope("mmseg")
    model = config["model"].to_dict()
    model.pop("balancer", None)
    return build_network(model, name)


def _as_array(data: torch.Tensor) -> np.ndarray:
    """Return 1,H,W as H,W and C,H,W as H,W,C; class ids as bytes."""
    values = (data[0] if len(data) == 1 else data.movedim(0, 2)).cpu().numpy()
    return np.ascontiguousarray(values if values.dtype == np.float32 else values.astype(np.uint8))
