"""Laying out and rendering a street scene with exact truth about every pixel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..utils import borders
from .camera import Camera, Lens, RayGrid, draw_lens, expose
from .ground import FAR, cast_ground
from .primitives import PrimitiveTable
from .raster import FIRST, Buffers, cast
from .roadside import build_background, build_frontage
from .scenery import Body, Bools, Label, Scenery
from .shading import Weather, draw_weather, shade, surface_normals
from .street import Street, draw_street
from .traffic import add_crossing_traffic, add_junction, add_sidewalks, add_traffic

IN_FRONT = 15.0
"""Metres up to which an object is in front."""

MOVING = tuple(range(Label.PERSON, Label.BICYCLE + 1))
"""Labels of people and vehicles."""


@dataclass(frozen=True, eq=False)
class StreetScene:
    """A rendered image and the truth about every pixel.

    Attributes:
        img: H,W,3 uint8, BGR.
        labels: H,W uint8 Cityscapes train ids 0..18, 255 where no class is defined.
        depth: H,W float32 metres along the optical axis, 0 where not measured: the sky, beyond
            300 m and the camera's own car.
        normals: H,W,3 float32 unit normals of the seen surface in the camera frame (x right,
            y down, z ahead), 0 where the depth is 0.
        instances: H,W int32, 0 for stuff, else one id per object.
        parts: H,W uint8, part of a person (``Body``), 0 elsewhere, 255 on the camera's own car.
        camera: the camera for this size.
    """

    img: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    depth: NDArray[np.float32]
    normals: NDArray[np.float32]
    instances: NDArray[np.int32]
    parts: NDArray[np.uint8]
    camera: Camera

    @property
    def saliency(self) -> NDArray[np.uint8]:
        """Return the vehicles and people in front, H,W uint8: 1, else 0; 255 on the own car.

        An object counts, with all its pixels, if the nearest of them is at most ``IN_FRONT``
        metres away.
        """
        things = np.isin(self.labels, MOVING) & (self.depth > 0)
        near = np.unique(self.instances[things & (self.depth <= IN_FRONT)])
        found = things & np.isin(self.instances, near)
        return np.where(self.parts == Label.VOID, Label.VOID, found).astype(np.uint8)

    @property
    def boundary(self) -> NDArray[np.uint8]:
        """Return the outlines of surfaces and objects, H,W uint8: 1 on an outline, 255 unknown.

        A pixel is on an outline if its class or object differs from that of one of its four
        neighbours, so an outline is two pixels wide, one on each side, and a mirrored image has
        the mirrored outlines. The sky counts as a class, and the camera's own car as an object; its
        pixels have no class, and are unknown here too.
        """
        return outlines(self.labels, self.instances)


def outlines(labels: NDArray[np.uint8], instances: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return where class or object change between neighbours, see `StreetScene.boundary`.

    >>> outlines(np.uint8([[0, 0, 13, 13, 13, 255]]), np.int32([[0, 0, 1, 1, 2, 0]])).tolist()
    [[0, 1, 1, 1, 1, 255]]
    """
    found = borders(labels, instances)
    return np.where(labels == Label.VOID, Label.VOID, found).astype(np.uint8)


@dataclass(frozen=True)
class Layout:
    """Everything a scene is rendered from; the image size affects the camera alone.

    ``hood`` is the share of the image height that the camera's own car covers, None without one.
    """

    street: Street
    scenery: Scenery
    weather: Weather
    lens: Lens
    camera: Camera
    hood: float | None


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
    layout = _lay_out(rng, size)
    street, scenery, weather = layout.street, layout.scenery, layout.weather
    grid = RayGrid(layout.camera)
    buffers = Buffers.empty(grid.shape)
    kerbs = cast_ground(street.road, grid, buffers)
    table = PrimitiveTable(scenery.primitives, grid.origin)
    cast(table, grid, buffers)
    grid_normals = surface_normals(table, buffers, kerbs, grid)
    radiance, grid_labels = shade(
        table, buffers, grid, grid_normals, street, scenery.shadows, weather
    )
    hood = _hood_mask(layout.hood, grid.shape)
    radiance[hood] = 0.07 * weather.skylight + 0.02

    labels, depth = grid.pixels(grid_labels).copy(), grid.pixels(buffers.depth).copy()
    own_car = grid.pixels(hood)
    labels[own_car] = Label.VOID
    depth[own_car | ~(depth <= FAR)] = 0
    normals = grid.pixels(grid_normals).reshape(-1, 3) @ grid.rotation.astype(np.float32)
    normals = np.where((depth > 0)[..., None], normals.reshape(*size, 3), 0)
    ids = np.concatenate([[0] * FIRST, table.instance])
    surface = grid.pixels(buffers.surface)
    instances = np.where(own_car, 0, ids.take(surface))
    parts = np.concatenate([[Body.NONE] * FIRST, table.body]).take(surface)
    parts[own_car] = Label.VOID
    return StreetScene(
        expose(radiance, layout.lens, rng),
        labels,
        depth,
        normals.astype(np.float32),
        instances.astype(np.int32),
        parts.astype(np.uint8),
        layout.camera,
    )


def _lay_out(rng: np.random.Generator, size: tuple[int, int]) -> Layout:
    """Draw a street, the objects beside it, its traffic, and the camera that sees them."""
    tram = rng.uniform() < 0.34
    street, weather, lens = draw_street(rng, tram), draw_weather(rng), draw_lens(rng)
    camera = _draw_camera(rng, street, size)
    hood = rng.uniform(0.04, 0.1) if rng.uniform() < 0.25 else None
    scenery = Scenery(rng)
    for sign in (-1, 1):
        build_frontage(scenery, street, sign, weather.lit)
    build_background(scenery, street, weather.lit)
    add_traffic(scenery, street, tram)
    add_crossing_traffic(scenery, street)
    add_junction(scenery, street)
    add_sidewalks(scenery, street)
    return Layout(street, scenery, weather, lens, camera, hood)


def _draw_camera(rng: np.random.Generator, street: Street, size: tuple[int, int]) -> Camera:
    """Draw a view; the field of view is fixed across the width, and pixels are square."""
    height, width = size
    focal = float(np.exp(rng.uniform(np.log(0.65), np.log(1.25)))) * width
    return Camera(
        size,
        focal,
        focal,
        (0.5 + rng.uniform(-0.03, 0.03)) * width,
        (0.5 + rng.uniform(-0.06, 0.06)) * height,
        height=rng.uniform(1.2, 2.2),
        pitch=rng.normal(0.02, 0.035),
        roll=rng.normal(0, 0.012),
        yaw=rng.normal(0, 0.06),
        lateral=street.own.s + rng.normal(0, 0.4),
    )


def _hood_mask(level: float | None, shape: tuple[int, int]) -> Bools:
    """Mask the camera's own car: a flat arch at the lower border, ``level`` its height."""
    if level is None:
        return np.zeros(shape, bool)
    height, width = shape
    x = np.linspace(-1, 1, width)
    y = (np.arange(height)[::-1, None] + 0.5) / height
    return y < level * (1 - 0.8 * x**4)
