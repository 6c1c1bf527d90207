"""From a list of samples to a batch on the device."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional as F

from ...errors import ConfigError, DataError
from .device_augmentation import RGB_CHANNELS, flip_on_device, recolor_on_device, sample_targets


@MODELS.register_module()
class MultiTaskDataPreprocessor(BaseDataPreprocessor):
    """Normalise images and stack samples of different size into a batch.

    Images are padded at the right and bottom with the mean colour, targets with their own invalid
    value (classes 255, depth and normals 0, others nan), so that padding is never trained on.
    mmseg's preprocessor pads depth with 255, which is then trained on as 255 metres. In training,
    the flips and colours that the pipeline drew but left to the device are applied here
    (`FlipTargets(on_device=True)`, `PhotometricJitter`).

    Args:
        mean, std: of each channel, in intensities of 0 to 255 and in the order of the channels
            after `bgr_to_rgb`; default: ImageNet's. As many as the images have channels: red,
            green, blue, then those of `image_channels` and `extra_images` of the data set.
        bgr_to_rgb: whether to swap red and blue (images are read as BGR).
        non_blocking: copy pinned batches to the device without waiting for it.

    Shapes: images 3,h,w (or as many channels as `mean`) uint8 or float32 of 0 to 255, of any size
    -> `inputs` N,3,H,W float32; targets C,h,w -> C,H,W in training; in prediction, targets keep
    their original size.

    Raises:
        ConfigError: `mean` or `std` are not three or more numbers, as many as the other, std > 0;
            no `std` reaches 1; or images have another number of channels.
        DataError: in training, a target has another size than its image.
    """

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        bgr_to_rgb: bool = True,
        non_blocking: bool = True,
    ) -> None:
        super().__init__(non_blocking)
        if len(mean) < RGB_CHANNELS or len(std) != len(mean) or min(std) <= 0:
            raise ConfigError(
                f"MultiTaskDataPreprocessor: mean={mean}, std={std}; expected three numbers each, "
                "std > 0, or one for each channel where images have more."
            )
        if max(std) < 1:
            raise ConfigError(
                f"MultiTaskDataPreprocessor: mean={mean}, std={std} are for images of 0 to 1; "
                "expected intensities of 0 to 255: multiply both by 255."
            )
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)
        self.bgr_to_rgb = bgr_to_rgb

    @property
    def channels(self) -> int:
        """Return the number of channels of the images."""
        return len(self.mean)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        data = self.cast_data(data)
        images: list[Tensor] = list(data["inputs"])
        samples: list[SegDataSample] | None = data.get("data_samples")
        augmented = samples if training and samples else []
        if augmented:
            images = flip_on_device(images, augmented)
        if wrong := {len(image) for image in images} - {self.channels}:
            raise ConfigError(
                f"Images have {wrong.pop()} channels, but MultiTaskDataPreprocessor has mean and "
                f"std of {self.channels}. Give it one of each for every channel: red, green, blue "
                "and others."
            )
        height = max(image.shape[1] for image in images)
        width = max(image.shape[2] for image in images)
        filled = [F.pad(i, (0, width - i.shape[2], 0, height - i.shape[1])) for i in images]
        inputs = torch.stack(filled).float()
        if augmented:
            inputs = recolor_on_device(inputs, augmented)
        inputs = self.normalised(inputs)
        for image, padded in zip(images, inputs, strict=True):
            # The mean colour, which is 0 after normalising, even where colours were changed.
            padded[:, image.shape[1] :] = 0
            padded[:, :, image.shape[2] :] = 0
        for image, sample in zip(images, samples or [], strict=bool(samples)):
            sample.set_metainfo(dict(img_shape=tuple(image.shape[1:]), pad_shape=(height, width)))
            if training:
                _pad_targets(sample, height, width)
        return dict(inputs=inputs, data_samples=samples)

    def to_images(self, inputs: Tensor) -> Tensor:
        """Undo the normalisation of `inputs` N,C,H,W: their colours N,3,H,W as uint8, RGB."""
        images = (inputs * self.std + self.mean)[:, :RGB_CHANNELS]
        # The files' channels are blue, green, red.
        images = images if self.bgr_to_rgb else images.flip(1)
        return images.round().clamp(0, 255).to(torch.uint8)

    def normalised(self, batch: Tensor) -> Tensor:
        """Normalise float images N,C,H,W (0 to 255, channels as read from files)."""
        if self.bgr_to_rgb:
            colours = batch[:, :RGB_CHANNELS].flip(1)
            more = self.channels > RGB_CHANNELS
            batch = torch.cat([colours, batch[:, RGB_CHANNELS:]], 1) if more else colours
        return (batch - self.mean) / self.std


def checked_preprocessor(config: Any) -> Any:
    """Return the config of a model's preprocessor (or the module); default: the package's.

    Raises:
        ConfigError: it is one of mmseg or mmengine, which pad depth with 255 or fail.
    """
    if config is None:
        return dict(type="MultiTaskDataPreprocessor")
    given = config.get("type") if isinstance(config, Mapping) else type(config)
    kind: Any = MODELS.get(given) if isinstance(given, str) else given
    if getattr(kind, "__module__", "").startswith(("mmseg.", "mmengine.")):
        raise ConfigError(
            f"model.data_preprocessor is a {kind.__name__}, which knows labels alone: mmseg's pads "
            "depth with 255 metres, and trains on them. Use dict(type='MultiTaskDataPreprocessor', "
            "mean=..., std=..., bgr_to_rgb=True). It pads every target with what means no truth, "
            "and images of a batch to one size (for a fixed one put PadTargets(size=(height, "
            "width)) into the pipeline), so size, size_divisor, pad_val, seg_pad_val and test_cfg "
            "are not needed; batch_augments has no counterpart."
        )
    return config


def _pad_targets(sample: SegDataSample, height: int, width: int) -> None:
    """Pad every target of a sample with its invalid value."""
    for target in sample_targets(sample):
        truth = sample.get(target.truth).data
        if tuple(truth.shape[-2:]) != tuple(sample.img_shape):
            raise DataError(
                f"{sample.get('img_path', 'A sample')}: {target.truth} is "
                f"{tuple(truth.shape[-2:])} pixels, but its image {tuple(sample.img_shape)}. A "
                "transform of the pipeline moved the image and left this target behind."
            )
        padding = (0, width - truth.shape[-1], 0, height - truth.shape[-2])
        padded = F.pad(truth, padding, value=target.invalid)
        # PixelData refuses data of a new size, so it is replaced as a whole.
        delattr(sample, target.truth)
        sample.set_data({target.truth: PixelData(data=padded)})
