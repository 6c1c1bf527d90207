"""The primitives of a scene as arrays, and their outlines on the ray grid."""

from collections.abc import Sequence

import numpy as np

from .camera import RayGrid
from .scenery import Floats, Ints, Kind, Look, Primitive

NEAR = 0.3
"""Depth in metres of the nearest surface that is drawn."""
# Corners of a box, and the pairs of them that its edges join.
_CORNERS = np.array([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], float)
_EDGES = np.array([(k, k | bit) for bit in (1, 2, 4) for k in range(8) if not k & bit]).T


class PrimitiveTable:
    """Arrays that ray casting and shading index with a primitive's number.

    ``kind`` is QUAD, BALL or TUBE, ``shape`` a stencil. ``centre`` is in metres, ``axes`` holds
    the half axes in its columns, ``half`` their lengths; ``into`` maps an offset from the centre
    to the primitive's own frame and ``origin`` is the camera in that frame. ``facing`` is false
    where the camera is behind a one-sided quad; ``normal`` is a quad's unit normal on the
    camera's side. ``body`` is the part of a person.
    """

    def __init__(self, primitives: Sequence[Primitive], camera: Floats) -> None:
        self.looks: list[Look] = [each.look for each in primitives]
        self.colour = np.array([look.colour for look in self.looks], np.float32)
        self.material = np.array([look.material for look in self.looks])
        self.shape = np.array([look.shape for look in self.looks])
        part = np.array([each.part for each in primitives])
        self.label, self.instance = part[:, 0].astype(np.uint8), part[:, 1].astype(np.int32)
        self.body = np.array([each.body for each in primitives], np.uint8)
        kind, heading = np.array([each.kind for each in primitives]), part[:, 2]
        vectors = np.array([each.vectors for each in primitives]).reshape(-1, 3, 3)
        centre, axes = _own_frames(kind, vectors)
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
        self.facing = ~behind | np.array([each.two_sided for each in primitives])
        self.normal = self.axes[:, :, 2] / self.half[:, 2:] * np.where(behind, -1, 1)[:, None]

    def windows(self, grid: RayGrid) -> tuple[Ints, Floats]:
        """Return N,4 grid bounds (x0, x1, y0, y1), empty if unseen, and N nearest depths."""
        height, width = grid.shape
        project = grid.to_grid @ grid.rotation.T
        axes = self.axes.copy()
        axes[self.kind == Kind.QUAD, :, 2] = 0
        corners = (self.centre - grid.origin)[:, None] + _CORNERS @ axes.transpose(0, 2, 1)
        image = corners @ project.T
        ahead = image[..., 2] > NEAR
        points = image[..., :2] / np.where(ahead, image[..., 2], np.nan)[..., None]
        # Reducing whole rows is much faster than reducing eight neighbours at a time.
        points = points.transpose(1, 0, 2).copy()
        low, high = np.fmin.reduce(points), np.fmax.reduce(points)
        # The exact outline of an ellipsoid from its dual quadric; its corner box is much larger.
        balls = np.flatnonzero((self.kind == Kind.BALL) & ahead.all(1))
        spread = project @ self.axes[balls]
        middle = (self.centre[balls] - grid.origin) @ project.T
        dual = middle[:, :, None] * middle[:, None] - spread @ spread.transpose(0, 2, 1)
        for k in (0, 1):
            mean = dual[:, k, 2] / dual[:, 2, 2]
            reach = np.sqrt(np.maximum(mean**2 - dual[:, k, k] / dual[:, 2, 2], 0))
            low[balls, k], high[balls, k] = mean - reach, mean + reach
        # Where the near plane cuts the outline, it begins on the edges that pass the plane.
        cut = ahead.any(1) & ~ahead.all(1)
        start, end = image[cut][:, _EDGES[0]], image[cut][:, _EDGES[1]]
        share = (NEAR - start[..., 2:]) / (end[..., 2:] - start[..., 2:])
        share[~((share > 0) & (share < 1))] = np.nan
        points = (start + share * (end - start))[..., :2] / NEAR
        low[cut] = np.fmin(low[cut], np.fmin.reduce(points, 1))
        high[cut] = np.fmax(high[cut], np.fmax.reduce(points, 1))
        # Rays would hit objects smaller than a sample only by chance.
        extent = high - low
        seen = self.facing & (extent.max(1) > 1)
        seen &= extent.min(1) > np.where(self.kind == Kind.TUBE, 0.3, 0.6)
        bounds = np.stack([low[:, 0], high[:, 0] + 1, low[:, 1], high[:, 1] + 1], 1)
        bounds[~seen] = 0
        bounds = np.ceil(np.clip(bounds, 0, [width, width, height, height]))
        return bounds.astype(np.int64), np.where(cut, NEAR, image[..., 2].min(1))

    def terms(self, kind: int, numbers: Ints, rays: Floats) -> Floats:
        """Return the coefficients for intersecting rays with primitives of one kind, one row each.

        ``rays`` holds the table's N,3,3 rays in the primitives' frames. A row is made of triples
        (constant, per column, per row) of functions that are affine in the grid's indices, and of
        single numbers. For quads (11): 1 / depth up to a factor, the two surface coordinates
        before the division by it, the two half lengths. For round primitives (14): the ray's
        three components, its product with the camera's offset, that offset's square less 1 and
        its last component.
        """
        ray, origin = rays[numbers], self.origin[numbers]
        if kind == Kind.QUAD:
            # Dividing by the camera's height above the plane makes 1 / depth affine in the indices.
            rise = ray[:, 2] / -origin[:, 2:]
            u, v = (ray[:, k] + origin[:, k : k + 1] * rise for k in (0, 1))
            return np.concatenate([rise, u, v, self.half[numbers, :2]], 1).astype(np.float32)
        n = 3 if kind == Kind.BALL else 2
        along = np.einsum("ni,nij->nj", origin[:, :n], ray[:, :n])
        beyond = (origin[:, :n] ** 2).sum(1, keepdims=True) - 1
        # Single precision would lose small shapes far away.
        return np.concatenate([ray.reshape(-1, 9), along, beyond, origin[:, 2:]], 1)


def _own_frames(kind: Ints, vectors: Floats) -> tuple[Floats, Floats]:
    """Return the centres (N,3) and half axes (N,3,3, one a row) that the vectors describe."""
    centre, axes = vectors[:, 0].copy(), np.zeros_like(vectors)
    quads, balls = kind == Kind.QUAD, kind == Kind.BALL
    axes[quads, :2] = vectors[quads, 1:]
    axes[quads, 2] = _unit(np.cross(vectors[quads, 1], vectors[quads, 2]))
    axes[balls] = vectors[balls, 1][:, None] * np.eye(3)
    long = ~quads & ~balls
    start, end, (radius, stretch, _) = vectors[long, 0], vectors[long, 1], vectors[long, 2].T
    centre[long] = (start + end) / 2
    along = (end - start) / 2 * stretch[:, None]
    # Any direction other than the axis' own serves to find one across it.
    steep = np.abs(along[:, 2]) >= 0.9 * np.linalg.norm(along, axis=1)
    side = _unit(np.cross(along, np.where(steep[:, None], (1.0, 0, 0), (0, 0, 1.0))))
    other = _unit(np.cross(along, side))
    axes[long] = np.stack([side * radius[:, None], other * radius[:, None], along], 1)
    return centre, axes


def _unit(v: Floats) -> Floats:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)
