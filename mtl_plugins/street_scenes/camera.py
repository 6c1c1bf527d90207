"""The camera of a scene: its geometry, the rays it casts, and what optics and sensor add.

Two frames are used. The camera frame has x to the right, y down and z along the optical axis.
The street frame has x to the right, y along the street and z up, with its origin on the road
surface below the camera's longitudinal position. Both are right-handed and in metres.
"""

from dataclasses import dataclass
from math import cos, sin
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from .scenery import Colour, Floats, as_colour

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Camera:
    """Pinhole camera above the street.

    Pixel (row i, column j) has its centre at the image point (j + 0.5, i + 0.5), so that
    ``fx, fy, cx, cy`` scale with the image size. Angles are in radians: ``pitch`` is positive
    looking down, ``yaw`` positive looking right, ``roll`` about the optical axis. ``height``
    (above the road) and ``lateral`` (x in the street frame) are in metres.

    >>> camera = Camera(size=(2, 4), fx=4.0, fy=4.0, cx=2.0, cy=1.0, height=1.5)
    >>> camera.matrix().tolist()
    [[4.0, 0.0, 2.0], [0.0, 4.0, 1.0], [0.0, 0.0, 1.0]]
    >>> camera.rays()[0, 0].tolist()
    [-0.375, -0.125, 1.0]
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

    def matrix(self) -> NDArray[np.float64]:
        """Return the 3x3 float64 intrinsic matrix in pixels."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    def rotation(self) -> NDArray[np.float64]:
        """Return the 3x3 float64 rotation from the camera frame to the street frame."""
        cp, sp, cr, sr, cy, sy = (
            f(a) for a in (self.pitch, self.roll, self.yaw) for f in (cos, sin)
        )
        tilt = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
        roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        upright = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
        turn = np.array([[cy, sy, 0], [-sy, cy, 0], [0, 0, 1]])
        return turn @ upright @ tilt @ roll

    def position(self) -> NDArray[np.float64]:
        """Return the camera centre in the street frame, 3 float64 in metres."""
        return np.array([self.lateral, 0.0, self.height])

    def rays(self) -> NDArray[np.float32]:
        """Return the camera-frame ray of every pixel centre, H,W,3 float32 with z = 1.

        A depth map times these rays is the point map in the camera frame.
        """
        height, width = self.size
        rays = np.ones((height, width, 3), np.float32)
        rays[..., 0] = (np.arange(width) + 0.5 - self.cx) / self.fx
        rays[..., 1] = ((np.arange(height) + 0.5 - self.cy) / self.fy)[:, None]
        return rays


class RayGrid:
    """Rays through the pixel centres and halfway between them along the rows.

    Sample (i, 2 j) is the centre of pixel (i, j); the samples in between are for anti-aliasing,
    which thin upright objects need most. Rays are affine in the grid's indices.
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

    def on_ground(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return the grid columns and rows of road points; points behind are moved ahead."""
        side, _, height = self.origin
        columns, rows, depth = (
            p * (x - side) + q * y - r * height for p, q, r in self.to_grid @ self.rotation.T
        )
        depth = np.maximum(depth, 0.5)
        return columns / depth, rows / depth

    @staticmethod
    def pixels(samples: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return the samples at the pixel centres."""
        return samples[:, ::2]

    def component(self, axis: int, rows: slice, cols: slice = slice(None)) -> NDArray[np.float32]:
        """Return one street-frame component of the rays in these rows and columns."""
        down = self.corner[axis] + self.down[axis] * self.rows[rows]
        across = self.across[axis] * self.cols[cols]
        return (down[:, None] + across).astype(np.float32)


@dataclass(frozen=True)
class Lens:
    """Exposure and defects of optics and sensor.

    Attributes:
        gain: factor of each BGR channel.
        blur: standard deviation in thousandths of the image width.
        noise: standard deviation in grey levels.
        vignette: loss of light in the corners, 0..1.
        contrast: exponent of the tone curve, 1 is neutral.
    """

    gain: Colour
    blur: float
    noise: float
    vignette: float
    contrast: float


def draw_lens(rng: np.random.Generator) -> Lens:
    """Draw exposure, white balance and defects."""
    exposure = np.exp(rng.normal(0, 0.22))
    return Lens(
        gain=as_colour(exposure * np.exp(rng.normal(0, 0.06, 3))),
        blur=rng.uniform(0, 1.6),
        noise=rng.uniform(0.5, 5.0),
        vignette=rng.uniform(0, 0.35),
        contrast=rng.uniform(0.85, 1.15),
    )


def expose(radiance: Floats, lens: Lens, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the H,W,3 8-bit BGR image of H,2W,3 radiance samples."""
    # The tent is centred on the pixel centres, which are the even samples.
    tent = np.array([0.25, 0.5, 0.25], np.float32)
    soft = np.array([0.12, 0.76, 0.12], np.float32)
    image = cv2.sepFilter2D(np.minimum(radiance, 2.0), -1, tent, soft)[:, ::2]
    height, width = image.shape[:2]
    sigma = lens.blur * 1e-3 * width
    if sigma > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, width, dtype=np.float32) ** 2
    falloff = 1 - lens.vignette * 0.5 * (x + y)
    image = image * cv2.merge([falloff * gain for gain in lens.gain])
    # The tone curve compresses bright skies instead of clipping them.
    image /= 0.35 + image
    developed = np.asarray(cv2.pow(image, lens.contrast / 1.35), np.float32)
    developed *= 225 * 1.25 ** (lens.contrast / 1.35)
    common = rng.standard_normal((height, width), np.float32) * (0.7 * lens.noise)
    developed += cv2.merge([common] * 3)
    developed += rng.standard_normal(developed.shape, np.float32) * (0.5 * lens.noise)
    return np.clip(developed, 0, 255, out=developed).astype(np.uint8)
