"""The model: encoder -> multi-task head -> balancer."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from mmengine.model import PretrainedInit
from mmengine.structures import PixelData
from mmseg.models.backbones import DDRNet, PIDNet
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import ConfigError, MTLError, WeightsError
from ...utils import warn, watched
from ..encoders import accept_colour_weights, encoder_spec, feature_levels, with_channels
from ..layers import Share, resize
from ..preprocessing import RGB_CHANNELS, checked_preprocessor
from ..task_heads import RawPrediction, final_stage
from .prediction import InferenceConfig, compute_views, decode_views

AUXILIARY = (DDRNet, PIDNet)
"""Encoders that return more maps while they train, for heads that are left out here."""


@MODELS.register_module()
class MultiTaskSegmentor(BaseSegmentor):
    """Train and predict several dense tasks with one network.

    Predictions are decoded a few rows at a time, so that the raw maps of all classes are never
    held at original size.

    Args:
        backbone: config of the encoder: `TimmEncoder` or any mmseg backbone that returns a
            pyramid.
        decode_head: config of the multi-task head (`JointHead`, `BranchedHead`, ...); the
            encoder's channels and strides are filled in.
        neck: config of a module between them, as in mmseg.
        balancer: config of what combines the tasks' losses; default: equal weights.
        data_preprocessor: config of the preprocessor; default: `MultiTaskDataPreprocessor`.
        test_cfg: arguments of `InferenceConfig`: whole images or sliding windows, test-time
            augmentation.
        channels_last: keep images, features and weights in channels-last memory; results are the
            same, and convolutions usually faster, on CPU and GPU.
        compile: compile encoder and head by torch.compile on their first call (takes minutes), for
            training and prediction; a dict holds its arguments, such as dict(mode="max-autotune").

    Shapes: images (N, 3, H, W), or with as many channels as the preprocessor has, of any size ->
    losses, or one `SegDataSample` per image with `pred_sem_seg`, `pred_depth_map`, ... at original
    size.
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
        super().__init__(checked_preprocessor(data_preprocessor), init_cfg)
        # A preprocessor of another library may not say how many channels it gives.
        self.in_channels = getattr(self.data_preprocessor, "channels", RGB_CHANNELS)
        """Number of channels of the images, which the preprocessor has mean and std of."""
        self.backbone = _built("backbone", with_channels(backbone, self.in_channels))
        if neck is not None:
            self.neck = _built("neck", neck)
        encoder = self.backbone if neck is None else nn.Sequential(self.backbone, self.neck)
        spec = encoder_spec(encoder, self.in_channels)
        for owner in (self, self.backbone):
            accept_colour_weights(owner, self.backbone, self.in_channels)
        self.size_divisor, self.fixed_size = spec.size_divisor, spec.fixed_size
        self.largest_size = spec.fixed_size or spec.largest_size
        if self.fixed_size is not None:
            warn(
                f"{type(self.backbone).__name__} takes images of {self.fixed_size} alone: smaller "
                "ones are padded to that size, at its cost in time and memory, and larger ones are "
                "predicted in windows. Set its img_size to the size that you train on."
            )
        self.decode_head = MODELS.build(
            dict(decode_head, in_channels=spec.channels, strides=spec.strides)
        )
        tasks = [task for task, _ in self.decode_head.tasks()]
        self.balancer = MODELS.build(dict(balancer or dict(type="FixedWeights"), tasks=tasks))
        self.train_cfg = train_cfg
        self.test_cfg = test_cfg
        # Decoders have it that cannot decode the maps of small images.
        parts = self.decode_head.modules()
        self.least_size = max(getattr(part, "least_size", 0) for part in parts)
        self.inference_config = InferenceConfig.of(test_cfg).within(self.largest_size)
        if tta := self.inference_config.tta:
            tta.check_tasks({task: head.merges for task, head in self.decode_head.tasks()})
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.to(memory_format=self.memory_format)
        if compile:
            # Not the whole step: every new sample would be traced again with its metadata.
            for part in (self.backbone, self.decode_head):
                part.compile(**({} if compile is True else compile))

    def init_weights(self) -> None:
        """Initialize as every `init_cfg` says; of files, say how many weights arrive from them.

        Raises:
            WeightsError: a module gets none of its weights from its file.
        """
        sources = {
            name or "the model": (module, each)
            for name, module in self.named_modules()
            for each in _pretrained(getattr(module, "init_cfg", None))
            if not module.is_init
        }
        with ExitStack() as stack:
            loadings = {
                name: stack.enter_context(watched(module)) for name, (module, _) in sources.items()
            }
            try:
                super().init_weights()
            except AssertionError as error:  # mmengine's, of a prefix
                raise WeightsError(f"An init_cfg of the model fails: {error}.") from error
        for name, loading in loadings.items():
            file = str(sources[name][1].get("checkpoint"))
            if not loading.done:
                raise WeightsError(
                    f"{name}.init_cfg names {file}, but nothing loads it: initialize a part that "
                    "has the weights of the file, such as backbone, or use load_from."
                )
            loading.report(file, name)

    def extract_feat(
        self, inputs: Tensor, share: Share | None = None
    ) -> Sequence[Tensor] | Mapping[str, Sequence[Tensor]]:
        """Return the pyramid of images that are padded to whole strides, or each task's.

        Args:
            share: the balancer's, where the last maps that all tasks share are in the encoder.
        """
        levels = self.backbone(inputs) if share is None else self.backbone(inputs, share)
        if self.with_neck:
            levels = self.neck(levels)
        return levels if isinstance(levels, Mapping) else feature_levels(levels)

    def train(self, mode: bool = True) -> "MultiTaskSegmentor":
        super().train(mode)
        for part in self.modules():
            if isinstance(part, AUXILIARY):
                part.training = False  # of itself alone: its layers train
        return self

    def _forward(
        self, inputs: Tensor, data_samples: Sequence[SegDataSample] | None = None
    ) -> dict[str, RawPrediction]:
        """Return every task's raw prediction, for images padded to whole strides."""
        images = self._pad_to_strides(inputs).contiguous(memory_format=self.memory_format)
        share = self.balancer.share
        inside = getattr(self.backbone, "shares_inside", False) and not self.decode_head.mixes_tasks
        levels = self.extract_feat(images, share if inside else None)
        return self.decode_head(levels, share)

    def loss(self, inputs: Tensor, data_samples: Sequence[SegDataSample]) -> dict[str, Tensor]:
        """Return `{'<task>/<loss>': scalar}`, from which `parse_losses` makes one scalar."""
        losses = self.decode_head.batch_losses(
            self._forward(inputs), data_samples, self._padded_size(inputs)
        )
        # The balancer's parameters act later, in `parse_losses`. The losses returned here must
        # depend on them: DDP would take the parameters for unused, or wait for gradients that a
        # batch without targets never gives.
        first = next(iter(losses))
        losses[first] = losses[first] + 0.0 * sum(p.sum() for p in self.balancer.parameters())
        return losses

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Weigh the tasks' losses by the balancer.

        MMEngine calls this from the plain model and from its distributed wrappers alike. Unlike
        MMEngine's own version, it ignores the word "loss" in a name.
        """
        total, extra = self.balancer(sum_by_task(losses))
        return total, OrderedDict(loss=total, **losses, **extra)

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Return each sample with its predictions at original size.

        The padding of a batch is cut off before the network sees an image, so that a prediction
        does not depend on the other images of its batch.
        """
        if data_samples is None:
            data_samples = [SegDataSample() for _ in inputs]
        alike: dict[tuple, list[int]] = {}
        for index, sample in enumerate(data_samples):
            alike.setdefault(_geometry(sample, inputs), []).append(index)
        for (seen, size, flips), indices in alike.items():
            images = inputs if len(alike) == 1 else inputs[indices]
            images = images[:, :, : seen[0], : seen[1]]
            self._predict_alike(images, [data_samples[i] for i in indices], size, flips)
        return data_samples

    def _predict_alike(
        self,
        images: Tensor,
        samples: Sequence[SegDataSample],
        size: tuple[int, int],
        flips: Sequence[str],
    ) -> None:
        """Store the predictions of images of one size and one original size in their samples."""
        config = self.inference_config
        views = compute_views(self._coarse_maps, images, config, flips)
        for task, head in self.decode_head.tasks():
            merge = "mean" if config.tta is None else config.tta.merge_of(task)
            decoded = decode_views(views, task, head, size, merge, config.extras)
            found = {head.target.prediction: decoded.pop("prediction")}
            found |= {head.target.extra(name): maps for name, maps in decoded.items()}
            if config.keep_raw:
                (view,) = views
                found[head.target.logits] = view.rows(task, head, range(size[0]), size)
            for key, maps in found.items():
                for sample, data in zip(samples, maps, strict=True):
                    sample.set_data({key: PixelData(data=data)})
        predicted = [*self.decode_head.targets().values()]
        for sample in samples:
            sample.set_metainfo(dict(predicted=predicted))

    def _coarse_maps(self, images: Tensor) -> tuple[dict[str, Tensor], dict[str, int]]:
        """Return each task's raw map of the padded images, and its stride in pixels."""
        size = self._padded_size(images)
        maps = self._final_maps(images)
        strides = {task: size[0] // m.shape[2] for task, m in maps.items()}
        for task, stride in strides.items():
            if (stride * maps[task].shape[2], stride * maps[task].shape[3]) != size:
                # No whole stride: a decoder that rounds, as some of mmseg's do.
                maps[task], strides[task] = resize(maps[task], size), 1
        return maps, strides

    def raw_maps(self, inputs: Tensor) -> dict[str, Tensor]:
        """Return every task's raw map (N,C,H,W float32) at the size of the input."""
        height, width = inputs.shape[2:]
        size = self._padded_size(inputs)
        return {
            task: resize(each.float(), size)[:, :, :height, :width]
            for task, each in self._final_maps(inputs).items()
        }

    def encode_decode(
        self, inputs: Tensor, batch_img_metas: Sequence[dict] | None = None
    ) -> dict[str, Tensor]:
        """Return `raw_maps(inputs)`, under the name of mmseg's interface."""
        return self.raw_maps(inputs)

    def _final_maps(self, images: Tensor) -> dict[str, Tensor]:
        """Return each task's final raw map of the padded images, at the network's resolution."""
        raw = self._forward(images)
        return {
            task: head.to_map(final_stage(raw[task])) for task, head in self.decode_head.tasks()
        }

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the size to which an image is padded before the network sees it.

        The sides are rounded up to whole strides. An encoder of a fixed size gets images of that
        size, and a decoder that needs larger maps gets larger images.

        Raises:
            ConfigError: the image is larger than the encoder's fixed size.
        """
        if self.fixed_size is None:
            # In integers, which an export can follow for sizes that it does not know yet.
            divisor = self.size_divisor
            if self.least_size:
                height, width = (torch.sym_max(side, self.least_size) for side in (height, width))
            height, width = ((side + divisor - 1) // divisor * divisor for side in (height, width))
            return height, width
        if height > self.fixed_size[0] or width > self.fixed_size[1]:
            raise ConfigError(
                f"{type(self.backbone).__name__} is built for images of {self.fixed_size} and got "
                f"{(height, width)}: train on crops of at most that size (RandomCrop with "
                f"crop_size={self.fixed_size}), or set the backbone's img_size."
            )
        return self.fixed_size

    def _padded_size(self, images: Tensor) -> tuple[int, int]:
        return self.padded_size(images.shape[2], images.shape[3])

    def _pad_to_strides(self, images: Tensor) -> Tensor:
        """Pad images at the right and bottom, so that every level is exactly side / stride.

        Encoders round odd sizes up or down, each in its own way, and their maps would be shifted
        against the image when resized back. The padding is 0, the mean colour.
        """
        height, width = self._padded_size(images)
        return F.pad(images, (0, width - images.shape[3], 0, height - images.shape[2]))


def sum_by_task(losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add up the losses `{'<task>/<loss>': scalar}` of each task.

    >>> sum_by_task({"depth/silog": torch.tensor(1.0), "depth/l1": torch.tensor(2.0)})
    {'depth': tensor(3.)}
    """
    sums: dict[str, Tensor] = {}
    for key, value in losses.items():
        task = key.split("/")[0]
        sums[task] = sums[task] + value if task in sums else value
    return sums


def _built(key: str, config: Mapping[str, Any]) -> nn.Module:
    """Build an encoder or a neck, whose own errors seldom say what they are about."""
    try:
        return MODELS.build(config)
    except (MTLError, OSError, ImportError):
        raise
    except Exception as error:
        name = config.get("type") if isinstance(config, Mapping) else config
        raise ConfigError(
            f"model.{key}: {name} cannot be built ({type(error).__name__}: {error}). Check its "
            "arguments, and that the packages it needs are installed."
        ) from error


def _geometry(sample: SegDataSample, inputs: Tensor) -> tuple[tuple, tuple, tuple[str, ...]]:
    """Return an image's size within the batch, its original size, and the flips it went through."""
    meta = sample.metainfo
    seen = tuple(meta.get("img_shape", inputs.shape[2:])[:2])
    flips = (meta["flip_direction"],) if meta.get("flip") else ()
    return seen, tuple(meta.get("ori_shape", seen)[:2]), flips


def _pretrained(init_cfg: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of an `init_cfg`, one or a list, that load a file."""
    for each in [init_cfg] if isinstance(init_cfg, Mapping) else init_cfg or ():
        if each.get("type") in ("Pretrained", PretrainedInit):
            yield each
