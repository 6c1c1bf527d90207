"""Statistics of the samples of a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...targets import DENSE_TARGETS, DEPTH, IGNORE_LABEL, NORMALS, SEMSEG
from ..depth_statistics import DepthTally
from .sample_check import SampleCheck


class ValueTally:
    """Count valid pixels and accumulate the range and mean of their values over all channels.

    >>> tally = ValueTally("depth")
    >>> tally.add(np.array([[0.0, 2.0, 4.0]], np.float32))
    >>> tally.as_dict()
    {'valid_pixels': 2, 'pixels': 3, 'minimum': 2.0, 'mean': 3.0, 'maximum': 4.0}
    """

    def __init__(self, kind: str) -> None:
        self.invalid = DENSE_TARGETS[kind].invalid
        self.valid_pixels = self.pixels = self.numbers = 0
        self.total, self.minimum, self.maximum = 0.0, float("inf"), float("-inf")

    def add(self, values: np.ndarray) -> None:
        """Add one target, H,W or H,W,C."""
        valid = (values != self.invalid).reshape(*values.shape[:2], -1).any(-1)
        found = values[valid]
        self.pixels += valid.size
        self.valid_pixels += int(valid.sum())
        self.numbers += found.size
        self.total += float(found.sum(dtype=np.float64))
        self.minimum = min(self.minimum, float(found.min(initial=np.inf)))
        self.maximum = max(self.maximum, float(found.max(initial=-np.inf)))

    def as_dict(self) -> dict[str, Any]:
        """Return the statistics for JSON; without a valid pixel only the counts."""
        found: dict[str, Any] = dict(valid_pixels=self.valid_pixels, pixels=self.pixels)
        if self.numbers:
            mean = self.total / self.numbers
            found.update(minimum=self.minimum, mean=mean, maximum=self.maximum)
        return found


class PartStatistics:
    """Counts over the readable images and targets of a data set.

    Args:
        classes: names of its classes.
        palette: R, G, B in 0..255 of each class.
        depth_unit: unit of its depth.
        targets: kinds of target of its samples.

    Attributes:
        class_pixels, class_images: pixels of each class id, and images in which it occurs; 256.
        normals: number of pixels with a normal, and of all pixels.
        values: statistics of every other kind.
        pictures: path of the first image with each digest.
    """

    def __init__(
        self,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]],
        depth_unit: str,
        targets: Sequence[str],
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
        """Add a sample; return the path of an earlier image with the same pixels, or None."""
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
        """Return the names of the classes without a pixel; none where there are no labels."""
        if not self.class_pixels.any():
            return []
        return [name for i, name in enumerate(self.classes) if not self.class_pixels[i]]

    def as_dict(self) -> dict[str, Any]:
        """Return the statistics for JSON."""
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
