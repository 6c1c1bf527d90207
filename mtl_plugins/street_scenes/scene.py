"""Rendering a street scene with exact labels and depth."""

from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from .camera import Camera, RayGrid
from .ground import FAR, cast_ground
from .labels import Label
from .layout import lay_out
from .lens import expose
from .primitives import PrimitiveTable
from .raster import FIRST, Buffers, cast
from .shading import shade, surface_normals


@dataclass(frozen=True, eq=False)
class StreetScene:
    """A rendered picture with what every pixel shows.

    Attributes:
        img: H,W,3 uint8, BGR.
        labels: H,W uint8 Cityscapes train ids 0..18, 255 where no class is defined.
        depth: H,W float32 metres along the optical axis, 0 where not measured: the sky, beyond
            300 m and the camera's own car.
        normals: H,W,3 float32 unit normals of the seen surface in the camera frame (x right,
            y down, z ahead), 0 where the depth is 0.
        instances: H,W int32, 0 for stuff, else one id per object.
        camera: the camera for this size.
    """

    img: np.ndarray
    labels: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    instances: np.ndarray
    camera: Camera


def render_scene(seed: int, index: int, size: tuple[int, int] = (128, 256)) -> StreetScene:
    """Render scene ``index`` of the series ``seed`` at ``size`` = (height, width) pixels.

    The scene depends on ``seed`` and ``index`` alone; another size shows the same scene at
    another resolution. Raises DataError for negative numbers or a size below 8 pixels.

    >>> scene = render_scene(0, 0, (16, 32))
    >>> scene.img.shape, scene.depth.dtype.name, int(scene.depth[scene.labels == 10].max())
    ((16, 32, 3), 'float32', 0)
    """
    if seed < 0 or index < 0:
        raise DataError(f"seed and index must not be negative, got {seed} and {index}")
    if min(size) < 8:
        raise DataError(f"size must be at least 8 x 8 pixels, got {size}")
    rng = np.random.default_rng((seed, index))
    layout = lay_out(rng)
    # The field of view is fixed across the width, so pixels stay square for any aspect ratio.
    height, width = size
    view = layout.view
    camera = Camera(
        size,
        view.fx * width,
        view.fx * width,
        view.cx * width,
        view.cy * height,
        view.height,
        view.pitch,
        view.roll,
        view.yaw,
        view.lateral,
    )
    grid = RayGrid(camera)
    buffers = Buffers.empty(grid.shape)
    street = layout.street
    kerbs = cast_ground(street.road, grid, buffers)
    table = PrimitiveTable(layout.scenery.primitives, grid.origin)
    cast(table, grid, buffers)
    normals = surface_normals(table, buffers, kerbs, grid)
    radiance, labels = shade(
        table,
        buffers,
        grid,
        normals,
        street.road,
        street.paving,
        layout.scenery.shadows,
        layout.weather,
    )
    hood = _hood_mask(layout.hood, grid.shape)
    radiance[hood] = 0.07 * layout.weather.skylight + 0.02

    labels, depth = grid.pixels(labels).copy(), grid.pixels(buffers.depth).copy()
    own_car = grid.pixels(hood)
    labels[own_car] = Label.VOID
    depth[own_car | ~(depth <= FAR)] = 0
    normals = grid.pixels(normals).reshape(-1, 3) @ grid.rotation.astype(np.float32)
    normals = np.where((depth > 0)[..., None], normals.reshape(height, width, 3), 0)
    ids = np.concatenate([[0] * FIRST, table.instance])
    instances = np.where(own_car, 0, ids.take(grid.pixels(buffers.surface)))
    return StreetScene(
        expose(radiance, layout.lens, rng),
        labels,
        depth,
        normals.astype(np.float32),
        instances.astype(np.int32),
        camera,
    )


def _hood_mask(level: float | None, shape: tuple[int, int]) -> np.ndarray:
    """Mask of the camera's own car: a flat arch at the lower border, ``level`` its height."""
    if level is None:
        return np.zeros(shape, bool)
    height, width = shape
    x = np.linspace(-1, 1, width)
    y = (np.arange(height)[::-1, None] + 0.5) / height
    return y < level * (1 - 0.8 * x**4)
