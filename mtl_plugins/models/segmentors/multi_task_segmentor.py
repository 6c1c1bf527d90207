"""The model: encoder -> multi-task head -> balancer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional as F

from ..encoders import encoder_spec
from ..layers import resize
from ..task_heads import RawPrediction, TaskHead, final_stage
from .inference_config import InferenceConfig
from .prediction import decoded, raw_map, views_of
from .view import View


@MODELS.register_module()
class MultiTaskSegmentor(EncoderDecoder):
    """Train and predict several dense tasks with one network.

    Predictions are decoded a few rows at a time, so that the raw maps of all classes are never
    held at the original size.

    Args:
        backbone: config of the encoder: `TimmEncoder` or any mmseg backbone that returns a
            pyramid.
        decode_head: config of the multi-task head (`JointHead`, `BranchedHead`, ...); the
            encoder's channels and strides are filled in.
        neck: config of a module between them, as in mmseg.
        balancer: config of how the tasks' losses become one; default: equal weights.
        data_preprocessor: config of the preprocessor.
        test_cfg: arguments of `InferenceConfig`: whole images or sliding windows, test-time
            augmentation.
        channels_last: keep images, features and weights in channels-last memory, which computes
            the same and is usually faster for convolutions, on CPU and GPU.
        compile: compile encoder and head by torch.compile when they are first called (minutes), in
            training and prediction; a dict holds its arguments, such as dict(mode="max-autotune").

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
        compile: bool | dict = False,
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
        self.test_cfg = test_cfg
        self.inference_config = InferenceConfig.of(test_cfg)
        if self.inference_config.tta is not None:
            self.inference_config.tta.check_tasks(
                {task: head.merges for task, head in self.decode_head.tasks()}
            )
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.to(memory_format=self.memory_format)
        if compile:
            # Not the whole step: samples and their metadata would be traced anew all the time.
            for part in (self.backbone, self.decode_head):
                part.compile(**({} if compile is True else compile))

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

    def raw_maps(self, inputs: Tensor) -> dict[str, Tensor]:
        """Return every task's raw prediction (N,C,H,W float32) in the size of the input."""
        height, width = inputs.shape[2:]
        size = self._padded_size(inputs)
        return {
            task: resize(each.float(), size)[:, :, :height, :width]
            for task, each in self._network_maps(inputs).items()
        }

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Return each sample with its predictions in original size.

        The padding of a batch is cut off before the network sees an image, so that nothing
        depends on what else is in its batch.
        """
        if data_samples is None:
            data_samples = [SegDataSample() for _ in inputs]
        alike: dict[tuple, list[int]] = {}
        for index, sample in enumerate(data_samples):
            alike.setdefault(_geometry(sample, inputs), []).append(index)
        for (seen, size, flip), indices in alike.items():
            images = inputs if len(alike) == 1 else inputs[indices]
            images = images[:, :, : seen[0], : seen[1]]
            views = views_of(self._coarse_maps, images, self.inference_config, flip)
            for task, head in self.decode_head.tasks():
                self._add_predictions(views, task, head, size, [data_samples[i] for i in indices])
        return data_samples

    def _network_maps(self, images: Tensor) -> dict[str, Tensor]:
        """Return each task's final raw map of the padded images, as large as the network has it."""
        raw = self._forward(images)
        return {
            task: head.to_map(final_stage(raw[task])) for task, head in self.decode_head.tasks()
        }

    def _coarse_maps(self, images: Tensor) -> tuple[dict[str, Tensor], dict[str, int]]:
        """Return each task's raw map and how many pixels one of its values stands for."""
        size = self._padded_size(images)
        maps = self._network_maps(images)
        factors = {task: size[0] // m.shape[2] for task, m in maps.items()}
        for task, factor in factors.items():
            if (factor * maps[task].shape[2], factor * maps[task].shape[3]) != size:
                # No whole stride: a decoder that rounds, which mmseg's may be.
                maps[task], factors[task] = resize(maps[task], size), 1
        return maps, factors

    def _add_predictions(
        self,
        views: Sequence[View],
        task: str,
        head: TaskHead,
        size: tuple[int, int],
        samples: Sequence[SegDataSample],
    ) -> None:
        """Store a task's predictions of images of one original size in their samples."""
        config = self.inference_config
        merge = "mean" if config.tta is None else config.tta.merge_of(task)
        found = {head.target.prediction: decoded(views, task, head, size, merge)}
        if config.keep_raw:
            found[head.target.logits] = raw_map(views, task, head, size)
        for key, batch in found.items():
            for sample, data in zip(samples, batch, strict=True):
                sample.set_data({key: PixelData(data=data)})

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


def _geometry(sample: SegDataSample, inputs: Tensor) -> tuple[tuple, tuple, tuple[str, ...]]:
    """Return an image's size within the batch, its original size, and how it was flipped."""
    meta = sample.metainfo
    seen = tuple(meta.get("img_shape", inputs.shape[2:])[:2])
    flip = (meta["flip_direction"],) if meta.get("flip") else ()
    return seen, tuple(meta.get("ori_shape", seen)[:2]), flip
