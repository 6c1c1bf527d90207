"""What the samples of a data set are like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...targets import DEPTH, IGNORE_LABEL, NORMALS, SEMSEG
from ..depth_tally import DepthTally
from .sample_check import SampleCheck
from .value_tally import ValueTally


class PartStatistics:
    """Counts over the readable images and targets of a data set.

    Args:
        classes: names of its classes.
        palette: one R, G, B in 0..255 a class.
        depth_unit: what depth is measured in.
        targets: kinds that its samples have.

    `class_pixels` and `class_images` (256 each) count the pixels of each class and the images in
    which it occurs, `normals` valid pixels and all, `values` those of every other kind; `pictures`
    has the image of each digest.
    """

    def __init__(
        self, classes: Sequence[str], palette: Sequence, depth_unit: str, targets: Sequence[str]
    ) -> None:
        self.classes = classes
        self.palette = palette
        self.depth_unit = depth_unit
        self.targets = list(targets)
        self.samples = self.bad_samples = 0
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.class_pixels = np.zeros(256, np.int64)
        self.class_images = np.zeros(256, np.int64)
        self.depth = DepthTally()
        self.normals = [0, 0]
        self.values: dict[str, ValueTally] = {}
        self.pictures: dict[bytes, str] = {}

    def add(self, sample: SampleCheck) -> str | None:
        """Count a sample; return the path of an image that shows the same, where there was one."""
        self.samples += 1
        self.bad_samples += bool(sample.problems)
        if SEMSEG.kind in sample.targets:
            pixels = np.bincount(sample.targets[SEMSEG.kind].ravel(), minlength=256)
            self.class_pixels += pixels
            self.class_images += pixels > 0
        if DEPTH.kind in sample.targets:
            self.depth.add(sample.targets[DEPTH.kind])
        if NORMALS.kind in sample.targets:
            valid = sample.targets[NORMALS.kind].any(-1)
            self.normals[0] += int(valid.sum())
            self.normals[1] += valid.size
        for kind in sample.targets.keys() - {SEMSEG.kind, DEPTH.kind, NORMALS.kind}:
            self.values.setdefault(kind, ValueTally(kind)).add(sample.targets[kind])
        if sample.image is None:
            return None
        self.sizes[sample.image.shape[:2]] += 1
        first = self.pictures.setdefault(sample.digest, sample.path)
        return None if first == sample.path else first

    @property
    def absent_classes(self) -> list[str]:
        """Names of the classes without a pixel, where there are labels."""
        if not self.class_pixels.any():
            return []
        return [name for i, name in enumerate(self.classes) if not self.class_pixels[i]]

    def as_dict(self) -> dict[str, Any]:
        """Return what tells the samples, as JSON has it."""
        result: dict[str, Any] = dict(
            samples=self.samples,
            bad_samples=self.bad_samples,
            sizes={f"{h}x{w}": count for (h, w), count in self.sizes.most_common()},
            targets=self.targets,
        )
        if self.class_pixels.any():
            result["classes"] = {
                name: dict(pixels=int(self.class_pixels[i]), images=int(self.class_images[i]))
                for i, name in enumerate(self.classes)
            }
            result["pixels_without_class"] = int(self.class_pixels[IGNORE_LABEL])
        depth = self.depth.statistics()
        if depth is not None:
            result["depth"] = dict(vars(depth), unit=self.depth_unit, codec=depth.codec)
        if self.normals[1]:
            result["normals"] = dict(zip(("valid_pixels", "pixels"), self.normals, strict=True))
        result.update({kind: tally.as_dict() for kind, tally in self.values.items()})
        return result
