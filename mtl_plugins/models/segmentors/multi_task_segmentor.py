"""The model: encoder -> multi-task head -> balancer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from mmengine.config import ConfigDict
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional as F

from ...errors import ConfigError
from ..encoders import encoder_spec
from ..heads import RawPrediction, final_stage
from ..layers import resize


@MODELS.register_module()
class MultiTaskSegmentor(EncoderDecoder):
    """Train and predict several dense tasks with one network.

    Whole and sliding inference are mmseg's: the raw maps of all tasks travel through it
    concatenated, and are split and decoded at the original size.

    Args:
        backbone: config of the encoder: `TimmEncoder` or any mmseg backbone that returns a
            pyramid.
        decode_head: config of the multi-task head (`JointHead`, `BranchedHead`, ...); the
            encoder's channels and strides are filled in.
        neck: config of a module between them, as in mmseg.
        balancer: config of how the tasks' losses become one; default: equal weights.
        data_preprocessor: config of the preprocessor.
        test_cfg: `mode='whole'`, or `mode='slide'` with `crop_size` and `stride` (both (H, W));
            `keep_raw=True` also stores logits and raw depth on every sample.
        channels_last: keep images, features and weights in channels-last memory, which computes
            the same and is usually faster for convolutions, on CPU and GPU.

    Shapes: images (N, 3, H, W) of any size -> losses, or one `SegDataSample` an image with
    `pred_sem_seg`, `pred_depth_map`, ... in original size.
    """

    def __init__(
        self,
        backbone: dict,
        decode_head: dict,
        neck: dict | None = None,
        balancer: dict | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        channels_last: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        # EncoderDecoder's own constructor expects the attributes of a single-task head.
        super(EncoderDecoder, self).__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        if neck is not None:
            self.neck = MODELS.build(neck)
        encoder = self.backbone if neck is None else torch.nn.Sequential(self.backbone, self.neck)
        spec = encoder_spec(encoder)
        self.size_divisor = spec.size_divisor
        self.decode_head = MODELS.build(
            dict(decode_head, in_channels=spec.channels, strides=spec.strides)
        )
        tasks = [task for task, _ in self.decode_head.tasks()]
        self.balancer = MODELS.build(dict(balancer or dict(type="FixedWeights"), tasks=tasks))
        self.train_cfg = train_cfg
        self.test_cfg = _checked_test_cfg(test_cfg)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.to(memory_format=self.memory_format)
        # What EncoderDecoder's sliding inference asks of a head.
        self.out_channels = sum(self.decode_head.out_channels.values())
        self.align_corners = False

    def _forward(
        self, inputs: Tensor, data_samples: Sequence[SegDataSample] | None = None
    ) -> dict[str, RawPrediction]:
        """Return every task's raw prediction, for images padded to whole strides."""
        images = self._pad_to_strides(inputs).contiguous(memory_format=self.memory_format)
        return self.decode_head(self.extract_feat(images), self.balancer.share)

    def loss(self, inputs: Tensor, data_samples: Sequence[SegDataSample]) -> dict[str, Tensor]:
        """Return `{'<task>/<loss>': scalar}`; `parse_losses` makes one of them."""
        losses = self.decode_head.losses(
            self._forward(inputs), data_samples, self._padded_size(inputs)
        )
        # The balancer's parameters act later, in `parse_losses`, but must depend on what is
        # returned here: DDP takes all others for unused, or waits for the gradients of those that
        # a batch without targets does not need.
        first = next(iter(losses))
        losses[first] = losses[first] + 0.0 * sum(p.sum() for p in self.balancer.parameters())
        return losses

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Weigh the tasks' losses by the balancer.

        MMEngine calls this from the plain model and from its distributed wrappers alike. Unlike
        its own version, nothing is added up because of its name.
        """
        task_losses: dict[str, Tensor] = {}
        for key, value in losses.items():
            task = key.split("/")[0]
            task_losses[task] = task_losses[task] + value if task in task_losses else value
        total, extra = self.balancer(task_losses)
        return total, OrderedDict(loss=total, **losses, **extra)

    def inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Return the raw predictions of all tasks, concatenated, from the whole image or windows.

        mmseg's version warns in every batch whose images differ in size, which ours may.
        """
        run = self.slide_inference if self.test_cfg.mode == "slide" else self.whole_inference
        return run(inputs, batch_img_metas)

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Return the raw predictions of all tasks, concatenated, in the size of the input."""
        return torch.cat(list(self.raw_maps(inputs).values()), dim=1)

    def raw_maps(self, inputs: Tensor) -> dict[str, Tensor]:
        """Return every task's raw prediction (N,C,H,W float32) in the size of the input."""
        raw = self._forward(inputs)
        height, width = inputs.shape[2:]
        size = self._padded_size(inputs)
        maps = {}
        for task, head in self.decode_head.tasks():
            full = resize(head.to_map(final_stage(raw[task])).float(), size)
            maps[task] = full[:, :, :height, :width]
        return maps

    def postprocess_result(
        self, seg_logits: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Split the raw maps by task, undo padding, flip and resizing, and decode."""
        if data_samples is None:
            data_samples = [SegDataSample() for _ in seg_logits]
        for raw, sample in zip(seg_logits, data_samples, strict=True):
            meta = sample.metainfo
            height, width = meta.get("img_shape", raw.shape[1:])[:2]
            raw = raw[:, :height, :width]
            raw = resize(raw[None], tuple(meta.get("ori_shape", raw.shape[1:])[:2]))[0]
            parts = raw.split(list(self.decode_head.out_channels.values()))
            for part, (_, head) in zip(parts, self.decode_head.tasks(), strict=True):
                if meta.get("flip"):
                    part = head.unflip(part, meta["flip_direction"])
                head.add_to_sample(part, sample, keep_raw=self.test_cfg.get("keep_raw", False))
        return data_samples

    def _padded_size(self, images: Tensor) -> tuple[int, int]:
        """Return the image size rounded up to whole strides."""
        # In whole numbers, which an export follows for sizes that it does not know yet.
        height, width = (
            (side + self.size_divisor - 1) // self.size_divisor * self.size_divisor
            for side in images.shape[2:]
        )
        return height, width

    def _pad_to_strides(self, images: Tensor) -> Tensor:
        """Pad at the right and bottom, so that every level is exactly side / stride.

        Encoders round odd sizes up or down as they like; resized back, their maps would be
        shifted against the image. 0 is the mean colour.
        """
        height, width = self._padded_size(images)
        return F.pad(images, (0, width - images.shape[3], 0, height - images.shape[2]))


def _checked_test_cfg(test_cfg: dict | None) -> dict:
    """Return the test config with its mode, or say what is wrong with it."""
    config = ConfigDict(test_cfg or {})
    unknown = sorted(set(config) - {"mode", "crop_size", "stride", "keep_raw"})
    if unknown:
        raise ConfigError(
            f"MultiTaskSegmentor: test_cfg has no {unknown}; it takes mode, crop_size, stride and "
            "keep_raw."
        )
    config.setdefault("mode", "whole")
    if config.mode not in ("whole", "slide"):
        raise ConfigError(
            f"MultiTaskSegmentor: test_cfg mode={config.mode!r}; choose 'whole' or 'slide'."
        )
    if config.mode == "slide" and not {"crop_size", "stride"} <= set(config):
        raise ConfigError(
            "MultiTaskSegmentor: test_cfg mode='slide' needs crop_size=(H, W) and stride=(H, W)."
        )
    return config
