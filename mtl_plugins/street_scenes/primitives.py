"""The primitives of a scene as arrays in the street frame."""

import numpy as np

from .scenery import Kind, Primitive


class PrimitiveTable:
    """What ray casting and shading look up by a primitive's number.

    ``kind`` is QUAD, BALL or TUBE, ``shape`` a stencil. ``centre`` is in metres, ``axes`` holds
    the half axes in its columns, ``half`` their lengths; ``into`` takes an offset from the centre
    to the primitive's own frame and ``origin`` is the camera in that frame. ``facing`` tells
    whether the camera is on a seen side, and ``normal`` is that side's unit normal (of quads).
    """

    def __init__(self, primitives: list[Primitive], camera: np.ndarray) -> None:
        kinds, vectors, parts, two_sided, self.looks = zip(*primitives, strict=True)
        colours, materials, _, shapes, _ = zip(*self.looks, strict=True)
        self.colour, self.material = np.array(colours, np.float32), np.array(materials)
        self.shape = np.array(shapes)
        part = np.array(parts)
        self.label, self.instance = part[:, 0].astype(np.uint8), part[:, 1].astype(np.int32)
        kind, heading = np.array(kinds), part[:, 2]
        centre, axes = _own_frames(kind, np.array(vectors).reshape(-1, 3, 3))
        self.kind = np.where(kind == Kind.LIMB, Kind.BALL, kind)
        turn = np.zeros((len(primitives), 3, 3))
        turn[:, 0, 0] = turn[:, 1, 1] = np.cos(heading)
        turn[:, 0, 1], turn[:, 1, 0], turn[:, 2, 2] = np.sin(heading), -np.sin(heading), 1
        self.centre = part[:, 3:] + (turn @ centre[:, :, None])[:, :, 0]
        self.axes = turn @ axes.transpose(0, 2, 1)
        self.half = np.linalg.norm(self.axes, axis=1)
        # The axes are at right angles, so the inverse needs no solving.
        self.into = (self.axes / self.half[:, None] ** 2).transpose(0, 2, 1)
        self.origin = (self.into @ (camera - self.centre)[:, :, None])[:, :, 0]
        behind = (self.kind == Kind.QUAD) & (self.origin[:, 2] < 0)
        self.facing = ~behind | np.array(two_sided)
        self.normal = self.axes[:, :, 2] / self.half[:, 2:] * np.where(behind, -1, 1)[:, None]


def _own_frames(kind: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return centres (N,3) and half axes (N,3,3, one a row) of what the kinds' vectors describe."""
    centre, axes = vectors[:, 0].copy(), np.zeros_like(vectors)
    quads, balls = kind == Kind.QUAD, kind == Kind.BALL
    axes[quads, :2] = vectors[quads, 1:]
    axes[quads, 2] = _unit(np.cross(vectors[quads, 1], vectors[quads, 2]))
    axes[balls] = vectors[balls, 1][:, None] * np.eye(3)
    long = ~quads & ~balls
    start, end, (radius, stretch, _) = vectors[long, 0], vectors[long, 1], vectors[long, 2].T
    centre[long] = (start + end) / 2
    along = (end - start) / 2 * stretch[:, None]
    # Any direction that is not along the axis will do to find one across.
    steep = np.abs(along[:, 2]) >= 0.9 * np.linalg.norm(along, axis=1)
    side = _unit(np.cross(along, np.where(steep[:, None], (1.0, 0, 0), (0, 0, 1.0))))
    other = _unit(np.cross(along, side))
    axes[long] = np.stack([side * radius[:, None], other * radius[:, None], along], 1)
    return centre, axes


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)
