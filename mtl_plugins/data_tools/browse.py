"""Pictures of samples as the network gets them, after pipeline and preprocessor."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmseg.registry import MODELS
from PIL import Image
from torch.utils.data import DataLoader

from ..config import check_split
from ..datasets import seed_all, seeded
from ..errors import ConfigError
from ..models import MultiTaskDataPreprocessor
from ..utils import check_results, track
from ..visualization import draw_sample, sample_maps


@dataclass(frozen=True)
class SeenSample:
    """A sample as the network gets it.

    Args:
        number: its position in the epoch, from 0.
        image: H,W,3 uint8 RGB, before normalisation; padding has the mean colour.
        sample: its targets and metainfo.
        meta: metainfo of the data set.
    """

    number: int
    image: np.ndarray
    sample: BaseDataElement
    meta: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return the name of the image's file."""
        return os.path.basename(self.sample.metainfo.get("img_path", "sample"))


def seen_samples(
    config: Config, split: str = "train", epoch: int = 0, seed: int = 0
) -> Iterator[SeenSample]:
    """Yield the samples of an epoch in the order in which the network gets them.

    With a `SeededSampler`, samples of the training split are augmented and padded exactly as in
    this epoch of a training run with this seed; with another sampler, they are one random draw.
    Samples of other splits are those of a validation.

    Args:
        config: as from `load_config`.
        split: "train", "val" or "test".
        epoch: number of the epoch, from 0.
        seed: seed of the run.

    Raises:
        ConfigError: the config has no such split, it has less than a batch that must be full, its
            sampler has no epochs, or its preprocessor is not a `MultiTaskDataPreprocessor`.
    """
    check_split(config, split)
    init_default_scope(config.get("default_scope", "mmseg"))
    # Load in this process: workers would take longer to start than to load a few samples.
    here = dict(num_workers=0, persistent_workers=False, pin_memory=False, prefetch_factor=None)
    loader = Runner.build_dataloader({**config[f"{split}_dataloader"], **here}, seed=seed)
    if not len(loader):
        raise ConfigError(
            f"{split}_dataloader has {len(loader.dataset)} samples, too few for a batch of "
            f"{loader.batch_size}, and drop_last drops incomplete batches. Choose smaller batches: "
            f"--cfg-options {split}_dataloader.batch_size={max(len(loader.dataset), 1)}"
        )
    _set_epoch(loader, epoch)
    preprocessor = MODELS.build(config.model.data_preprocessor)
    if not isinstance(preprocessor, MultiTaskDataPreprocessor):
        raise ConfigError(
            f"model.data_preprocessor is a {type(preprocessor).__name__}, which cannot undo its "
            "normalisation. Use MultiTaskDataPreprocessor."
        )
    # Samples without a key of their own use the global random generators.
    seed_all(seed, epoch)
    number = 0
    for index, batch in enumerate(loader):
        # As in SeededTrainLoop.
        with seeded(seed, epoch * len(loader) + index, 0):
            seen = preprocessor(batch, training=split == "train")
        images = preprocessor.to_images(seen["inputs"]).permute(0, 2, 3, 1).numpy()
        for image, sample in zip(images, seen["data_samples"], strict=True):
            if split != "train":
                # Validation pads images, but not targets.
                height, width = sample.metainfo["img_shape"][:2]
                image = image[:height, :width]
            yield SeenSample(number, image, sample, loader.dataset.metainfo)
            number += 1


def browse_data(
    config: Config,
    folder: str,
    split: str = "train",
    num: int = 16,
    epoch: int = 0,
    seed: int | None = None,
) -> list[str]:
    """Draw the first samples of an epoch into `<folder>/<position in the epoch>_<name>.png`.

    Each picture shows the image and its targets; pixels without truth have a distinct colour. A
    picture that is there already, of another split or epoch, is kept, and the new one numbered.

    Args:
        config, split, epoch: as in `seen_samples`.
        folder: created if missing.
        num: number of samples, at least 1.
        seed: seed of the run; default: the config's, or 0.

    Returns:
        Paths of the pictures.

    Raises:
        ConfigError: `num` or `epoch` is out of range, or `seen_samples` refuses the config.
    """
    if seed is None:
        seed = (config.get("randomness") or {}).get("seed") or 0
    if num < 1 or epoch < 0 or seed < 0:
        raise ConfigError(
            f"num={num}, epoch={epoch}, seed={seed}; expected num >= 1, epoch >= 0 and seed >= 0."
        )
    check_results(folder=folder)
    os.makedirs(folder, exist_ok=True)
    files = []
    seen = islice(seen_samples(config, split, epoch, seed), num)
    for each in track(seen, "drawing samples", num):
        title = f"{each.name}   {split}, seed {seed}, epoch {epoch}, sample {each.number}"
        truths = sample_maps(each.sample, each.meta, truth_only=True)
        picture = draw_sample(each.image, truths, title)
        files.append(_write(folder, f"{each.number:04d}_{Path(each.name).stem}", picture))
    return files


def _write(folder: str, name: str, picture: np.ndarray) -> str:
    """Write a picture as PNG, with a number where another picture has its name; return its path."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    path = Path(folder, f"{name}.png")
    for number in count(2):
        if not path.exists() or path.read_bytes() == file.getvalue():
            break
        path = Path(folder, f"{name}_{number}.png")
    path.write_bytes(file.getvalue())
    return str(path)


def _set_epoch(loader: DataLoader, epoch: int) -> None:
    sampler = getattr(loader.batch_sampler, "sampler", loader.sampler)
    if hasattr(sampler, "set_epoch"):
        sampler.set_epoch(epoch)
    # The sampler of an iteration-based loop defines `set_epoch` but ignores it.
    if epoch and getattr(sampler, "epoch", None) != epoch:
        raise ConfigError(
            f"epoch={epoch}, but {type(sampler).__name__} knows no epochs. Leave the epoch out, or "
            "use SeededSampler."
        )
