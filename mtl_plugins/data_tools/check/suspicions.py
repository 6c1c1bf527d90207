"""What may be meant, but seldom is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from .findings import PartCheck

METRES = (0.1, 1000.0)
"""A median depth outside is more likely of another unit than of another world."""


def suspect_part(part: PartCheck) -> None:
    """Warn of what is strange about the statistics of one data set."""
    found = part.statistics
    if found.absent_classes:
        part.warn(part.root, f"classes without a single pixel: {', '.join(found.absent_classes)}.")
    depth = found.depth.statistics()
    if depth is not None and found.depth_unit == "m":
        median = depth.percentile_50
        if not METRES[0] <= median <= METRES[1]:
            part.warn(
                part.root,
                f"half of the depths are below {median:.4g} m: is depth_format.scale right? (Depth "
                "that is not metric has a depth_unit.)",
            )


def suspect_leaks(parts: Sequence[PartCheck]) -> None:
    """Warn of pictures that are in two splits: a score on what was trained on means nothing."""
    for part in parts:
        if "train" in part.splits and len(part.splits) > 1:
            others = " and ".join(part.splits[1:])
            part.warn(part.root, f"this is the data of train and of {others}.")
    for one, other in combinations(parts, 2):
        if set(one.splits) & set(other.splits) or not (one.statistics and other.statistics):
            continue
        first, second = one.statistics.pictures, other.statistics.pictures
        for digest in first.keys() & second.keys():
            path = second[digest]
            other.warn(path, f"{path} is the picture of {one.name}'s {first[digest]}.")
