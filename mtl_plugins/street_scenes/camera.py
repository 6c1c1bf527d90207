"""The pinhole camera of a scene.

Two frames are used. The camera frame has x to the right, y down and z along the optical axis.
The street frame has x to the right, y along the street and z up, with its origin on the road
surface below the camera's longitudinal position. Both are right-handed and in metres.
"""

from dataclasses import dataclass
from math import cos, sin

import numpy as np


@dataclass(frozen=True)
class Camera:
    """Pinhole camera standing on the street.

    Pixel (row i, column j) has its centre at the image point (j + 0.5, i + 0.5), so that
    ``fx, fy, cx, cy`` scale with the image size. Angles are in radians: ``pitch`` is positive
    looking down, ``yaw`` positive looking right, ``roll`` about the optical axis. ``height``
    (above the road) and ``lateral`` (x in the street frame) are in metres.

    >>> camera = Camera(size=(2, 4), fx=4.0, fy=4.0, cx=2.0, cy=1.0, height=1.5)
    >>> camera.matrix().tolist()
    [[4.0, 0.0, 2.0], [0.0, 4.0, 1.0], [0.0, 0.0, 1.0]]
    >>> camera.rays()[0, 0].tolist()
    [-0.375, -0.125, 1.0]
    >>> camera.scaled((4, 8)).fx
    8.0
    """

    size: tuple[int, int]
    fx: float
    fy: float
    cx: float
    cy: float
    height: float
    pitch: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0
    lateral: float = 0.0

    def matrix(self) -> np.ndarray:
        """Return the 3x3 float64 intrinsic matrix in pixels."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    def rotation(self) -> np.ndarray:
        """Return the 3x3 float64 rotation from the camera frame to the street frame."""
        cp, sp, cr, sr, cy, sy = (
            f(a) for a in (self.pitch, self.roll, self.yaw) for f in (cos, sin)
        )
        tilt = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
        roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        upright = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
        turn = np.array([[cy, sy, 0], [-sy, cy, 0], [0, 0, 1]])
        return turn @ upright @ tilt @ roll

    def position(self) -> np.ndarray:
        """Return the camera centre in the street frame, 3 float64 in metres."""
        return np.array([self.lateral, 0.0, self.height])

    def rays(self) -> np.ndarray:
        """Return the camera-frame ray of every pixel centre, H,W,3 float32 with z = 1.

        A depth map times these rays is the point map in the camera frame.
        """
        height, width = self.size
        rays = np.ones((height, width, 3), np.float32)
        rays[..., 0] = (np.arange(width) + 0.5 - self.cx) / self.fx
        rays[..., 1] = ((np.arange(height) + 0.5 - self.cy) / self.fy)[:, None]
        return rays

    def scaled(self, size: tuple[int, int]) -> "Camera":
        """Return the same view with ``size`` = (height, width) pixels."""
        sy, sx = size[0] / self.size[0], size[1] / self.size[1]
        return Camera(
            size,
            self.fx * sx,
            self.fy * sy,
            self.cx * sx,
            self.cy * sy,
            self.height,
            self.pitch,
            self.roll,
            self.yaw,
            self.lateral,
        )


class RayGrid:
    """Rays through the pixel centres and halfway between them along the rows.

    Sample (i, 2 j) is the centre of pixel (i, j); the samples between serve anti-aliasing, which
    thin upright things need most. Rays are affine in the grid's indices.
    The street-frame ray of sample (r, c) is ``corner + c * across + r * down``; its camera-frame
    z is 1, so a ray parameter is a depth in metres.
    """

    def __init__(self, camera: Camera) -> None:
        self.shape = (camera.size[0], 2 * camera.size[1])
        self.origin = camera.position()
        self.rotation = camera.rotation()
        # Mean size of one sample on a surface one metre away.
        self.spread = 0.75 / camera.fx
        self.to_grid = np.array(
            [[2 * camera.fx, 0, 2 * camera.cx - 1], [0, camera.fy, camera.cy - 0.5], [0, 0, 1]]
        )
        self.basis = self.rotation @ np.linalg.inv(self.to_grid)
        self.across, self.down, self.corner = self.basis.T
        self.cols = np.arange(self.shape[1], dtype=np.float32)
        self.rows = np.arange(self.shape[0], dtype=np.float32)

    def on_ground(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns and rows of road points; points behind are taken to be ahead."""
        side, _, height = self.origin
        columns, rows, depth = (
            p * (x - side) + q * y - r * height for p, q, r in self.to_grid @ self.rotation.T
        )
        depth = np.maximum(depth, 0.5)
        return columns / depth, rows / depth

    @staticmethod
    def pixels(samples: np.ndarray) -> np.ndarray:
        """Return the samples at the pixel centres."""
        return samples[:, ::2]

    def component(self, axis: int, rows: slice, cols: slice = slice(None)) -> np.ndarray:
        """Return one street-frame component of the rays in these rows and columns, float32."""
        down = self.corner[axis] + self.down[axis] * self.rows[rows]
        across = self.across[axis] * self.cols[cols]
        return (down[:, None] + across).astype(np.float32)
