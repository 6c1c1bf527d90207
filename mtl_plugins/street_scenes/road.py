"""The plan of the street: where road, sidewalk and terrain lie."""

from dataclasses import dataclass
from math import atan, cos, sin

import numpy as np


@dataclass(frozen=True)
class Side:
    """Strips beside the road from the kerb outwards, widths in metres.

    First a grass ``verge``, then the ``walk``; beyond it the ground is paved or grass.
    """

    verge: float
    walk: float
    paved: bool

    @property
    def width(self) -> float:
        """Distance from the kerb to the frontage in metres."""
        return self.verge + self.walk


@dataclass(frozen=True)
class Road:
    """A street along y with an optional bend and an optional crossing street, in metres.

    ``bend`` is the curvature in 1/m from ``bend_start`` on; ``kerb`` the height of the raised
    ground; ``crossing`` the y of a crossing street's middle, and with ``ends`` the street stops
    there (a T junction). ``sides`` are left and right.
    """

    half_width: float
    sides: tuple[Side, Side]
    kerb: float
    bend: float = 0.0
    bend_start: float = 10.0
    bend_length: float = 90.0
    crossing: float | None = None
    crossing_half_width: float = 4.0
    corner: float = 2.0
    ends: bool = False

    def centre(self, y: np.ndarray) -> np.ndarray:
        """Return x of the centre line at ``y``."""
        along = np.maximum(y - self.bend_start, 0)
        turned = np.minimum(along, self.bend_length)
        return self.bend * (0.5 * turned * turned + self.bend_length * (along - turned))

    def place(self, s: float, y: float) -> tuple[float, float, float]:
        """Return (x, y, heading) of the point ``s`` to the right of the centre line at ``y``."""
        heading = atan(self.bend * min(max(y - self.bend_start, 0.0), self.bend_length))
        return float(self.centre(y)) + s * cos(heading), y - s * sin(heading), heading

    def offset(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the distance to the right of the centre line."""
        if not self.bend:
            return x
        slope = self.bend * np.clip(y - self.bend_start, 0, self.bend_length)
        return (x - self.centre(y)) / np.sqrt(1 + slope * slope)

    def raised(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the distance from the kerb, positive on the raised ground beside the road.

        >>> side = Side(0.0, 2.0, True)
        >>> road = Road(4.0, (side, side), 0.1)
        >>> road.raised(np.array([-5.0, 1.0]), np.array([9.0, 9.0])).tolist()
        [1.0, -3.0]
        """
        beside = np.abs(self.offset(x, y)) - self.half_width
        if self.crossing is None:
            return beside
        if self.ends:
            beside = np.where(y > self.crossing, 50.0, beside)
        before = np.abs(y - self.crossing) - self.crossing_half_width
        nearest = np.minimum(beside, before)
        # The corners of the block are rounded like the kerbs of a real junction.
        r = self.corner
        rounded = r - np.sqrt(np.maximum(r - beside, 0) ** 2 + np.maximum(r - before, 0) ** 2)
        return np.where(nearest > r, nearest, rounded)

    def blocked(self, y0: float, y1: float, s: float) -> bool:
        """Tell whether an object from y0 to y1 at offset s would stand in the crossing."""
        if self.crossing is None:
            return False
        reach = self.crossing_half_width + (0.5 if abs(s) > self.half_width else -100)
        beyond = self.ends and abs(s) <= self.half_width + 1 and y1 > self.crossing
        return beyond or (y0 < self.crossing + reach and y1 > self.crossing - reach)
