"""Properties of the procedural street scenes."""

import doctest
import importlib
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from mtl_plugins.errors import DataError
from mtl_plugins.street_scenes import (
    DEPTH_SCALE,
    Body,
    Camera,
    Label,
    StreetScene,
    ensure_street_scenes,
    render_scene,
    write_street_scenes,
)
from mtl_plugins.street_scenes.camera import RayGrid
from mtl_plugins.street_scenes.ground import cast_ground
from mtl_plugins.street_scenes.primitives import PrimitiveTable
from mtl_plugins.street_scenes.raster import FIRST, Buffers, cast
from mtl_plugins.street_scenes.scene import outlines
from mtl_plugins.street_scenes.scenery import Look, Part, Scenery, Shape
from mtl_plugins.street_scenes.street import Road, Side
from mtl_plugins.street_scenes.writer import SHARE

SMALL = (64, 128)
LEVEL = Camera(size=(64, 128), fx=100.0, fy=100.0, cx=64.5, cy=32.5, height=1.5)


@pytest.fixture(scope="module")
def scenes() -> list[StreetScene]:
    return [render_scene(5, index, SMALL) for index in range(40)]


def test_scene_depends_on_seed_and_index_alone(scenes):
    again = render_scene(5, 7, SMALL)
    for name in ("img", "labels", "depth", "normals", "instances", "parts", "saliency"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scenes[7], name))
    assert again.camera == scenes[7].camera
    other = render_scene(6, 7, SMALL)
    assert (other.labels != again.labels).mean() > 0.1


def test_same_scene_at_twice_the_size(scenes):
    for index, small in enumerate(scenes[:3]):
        large = render_scene(5, index, (128, 256))
        np.testing.assert_allclose(large.camera.matrix()[:2], 2 * small.camera.matrix()[:2])
        # A small pixel's centre is the corner that four large pixels share.
        around = [large.labels[i::2, j::2] == small.labels for i in (0, 1) for j in (0, 1)]
        assert np.any(around, axis=0).mean() > 0.97
        assert np.all(around, axis=0).mean() > 0.75
        near = (large.depth[::2, ::2] + large.depth[1::2, 1::2]) / 2
        flat = np.all(around, axis=0) & (small.labels == Label.ROAD)
        assert np.median(np.abs(near - small.depth)[flat] / small.depth[flat]) < 0.02


def test_road_depth_is_the_ray_plane_intersection(scenes):
    for scene in scenes[:10]:
        camera = scene.camera
        row, col = np.nonzero(scene.labels == Label.ROAD)
        x = (col + 0.5 - camera.cx) / camera.fx
        y = (row + 0.5 - camera.cy) / camera.fy
        level = np.sin(camera.roll) * x + np.cos(camera.roll) * y
        fall = np.cos(camera.pitch) * level + np.sin(camera.pitch)
        # Grazing rays lose digits: single precision holds 1e-4 up to some 150 m.
        expected = camera.height / fall
        near = (expected < 150) & (scene.depth[row, col] > 0)
        assert near.sum() > 200
        np.testing.assert_allclose(scene.depth[row, col][near], expected[near], rtol=1e-3)


def test_sky_and_own_car_are_not_measured(scenes):
    skies = 0
    for scene in scenes:
        sky = scene.labels == Label.SKY
        skies += sky.sum()
        assert not scene.depth[sky].any() and not scene.normals[sky].any()
        assert not scene.instances[sky].any()
    assert skies > 10_000


def test_depth_range_and_unit_normals(scenes):
    for scene in scenes:
        seen = scene.depth > 0
        assert scene.depth.dtype == np.float32 and seen.mean() > 0.4
        assert scene.depth[seen].min() > 1.5 and scene.depth.max() <= 300
        np.testing.assert_allclose(np.linalg.norm(scene.normals[seen], axis=1), 1, atol=1e-4)
        # A visible surface faces the camera.
        toward = (scene.normals * scene.camera.rays()).sum(-1)[seen]
        assert (toward < 1e-3).mean() > 0.999


def test_normals_agree_with_depth_on_planes():
    scene = render_scene(5, 2, (128, 256))
    points = scene.camera.rays() * scene.depth[..., None]
    right, down = points[:-1, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, :-1]
    measured = np.cross(down, right)
    measured /= np.maximum(np.linalg.norm(measured, axis=-1, keepdims=True), 1e-12)
    here = scene.normals[:-1, :-1]
    change = np.abs(here - scene.normals[:-1, 1:]) + np.abs(here - scene.normals[1:, :-1])
    same = change.sum(-1) < 1e-6
    plane = np.isin(scene.labels[:-1, :-1], (Label.ROAD, Label.BUILDING, Label.WALL))
    use = same & plane & (scene.depth[:-1, :-1] > 0) & (scene.depth[:-1, :-1] < 60)
    assert use.sum() > 3000
    agree = (measured * here).sum(-1)[use] > 0.99
    assert agree.mean() > 0.95


def test_every_class_occurs(scenes):
    present = np.zeros(256, int)
    for scene in scenes:
        present[np.unique(scene.labels)] += 1
    assert set(np.flatnonzero(present)) == {int(label) for label in Label}
    assert present[:19].min() >= 4


def test_instances_are_things_of_one_class(scenes):
    things = {Label.PERSON, Label.RIDER, Label.CAR, Label.TRUCK, Label.BUS, Label.TRAIN}
    found = 0
    for scene in scenes[:15]:
        for number in np.unique(scene.instances)[1:]:
            assert len(np.unique(scene.labels[scene.instances == number])) == 1
            found += 1
        assert scene.instances[np.isin(scene.labels, list(things))].all()
    assert found > 50


def test_every_pixel_of_a_person_and_no_other_is_a_part_of_a_body(scenes):
    counts = np.zeros(len(Body), int)
    for scene in scenes:
        people = np.isin(scene.labels, (Label.PERSON, Label.RIDER))
        known = scene.parts != 255
        assert np.array_equal(scene.parts[known] > 0, people[known])
        counts += np.bincount(scene.parts[known], minlength=len(Body))
    assert counts.min() > 100 and counts[Body.HEAD] < counts[Body.LEGS]


def test_heads_are_above_legs(scenes):
    upright = 0
    for scene in scenes:
        for number in np.unique(scene.instances[scene.labels == Label.PERSON]):
            own = np.where(scene.instances == number, scene.parts, 0)
            rows = [np.nonzero((own == part).any(1))[0] for part in (Body.HEAD, Body.LEGS)]
            if all(map(len, rows)):
                assert rows[0].mean() < rows[1].mean()
                upright += 1
    assert upright > 20


def test_salient_objects_are_whole_near_vehicles_and_people(scenes):
    shares = []
    for scene in scenes:
        known = scene.saliency != 255
        assert np.array_equal(known, scene.parts != 255)
        chosen = scene.saliency == 1
        shares.append(chosen.mean())
        for number in np.unique(scene.instances)[1:]:
            own = scene.instances == number
            moving = np.isin(scene.labels[own], range(11, 19)).all()
            near = scene.depth[own].min() <= 15
            assert (chosen[own] == (moving and near)).all()
        assert not chosen[scene.instances == 0].any()
    assert 0.02 < np.mean(shares) < 0.3


def test_outlines_are_where_class_or_object_change(scenes):
    between = 0
    for scene in scenes[:15]:
        expected = np.zeros(scene.labels.shape, bool)
        for array in (scene.labels, scene.instances):
            padded, (height, width) = np.pad(array.astype(int), 1, "edge"), array.shape
            for row, column in ((0, 1), (2, 1), (1, 0), (1, 2)):
                expected |= padded[row : row + height, column : column + width] != array
        void = scene.labels == Label.VOID
        assert np.array_equal(scene.boundary, np.where(void, 255, expected))
        same = np.diff(scene.labels, axis=1) == 0
        between += (same & (np.diff(scene.instances, axis=1) != 0)).sum()
        mirrored = outlines(scene.labels[:, ::-1], scene.instances[:, ::-1])
        assert np.array_equal(mirrored, scene.boundary[:, ::-1])
    assert between > 20, "two objects of one class have an outline between them"


def test_ground_and_kerb_at_hand_computed_places():
    side = Side(verge=0.0, walk=2.0, paved=True)
    road = Road(half_width=3.0, sides=(side, side), kerb=0.25)
    grid = RayGrid(LEVEL)
    buffers = Buffers.empty(grid.shape)
    kerbs = cast_ground(road, grid, buffers)
    # Row 62 is 30 pixels below the axis: 1.5 m * 100 / 30.
    assert grid.pixels(buffers.depth)[62, 64] == pytest.approx(5.0, rel=1e-5)
    # Column 124 is 60 pixels right. In row 60 the ray is 2.7 m right where it passes the
    # sidewalk's height and 3.2 m where it would meet the road: it meets the kerb at 3 / 0.6 m.
    assert grid.pixels(buffers.depth)[60, 124] == pytest.approx(5.0, rel=1e-3)
    # In row 50 it meets the sidewalk, (1.5 - 0.25) * 100 / 18 m away.
    assert grid.pixels(buffers.depth)[50, 124] == pytest.approx(125 / 18, rel=1e-5)
    assert np.isinf(buffers.depth[32]).all()
    assert len(kerbs.where) > 20
    np.testing.assert_allclose(np.abs(buffers.u.flat[kerbs.where]), 3.0, atol=2e-3)
    height = 1.5 - buffers.depth.flat[kerbs.where] * ((kerbs.where // 256) - 32) / 100
    assert height.min() >= -1e-3 and height.max() <= 0.25 + 1e-3
    np.testing.assert_allclose(
        kerbs.normals[:, 0], -np.sign(buffers.u.flat[kerbs.where]), atol=1e-3
    )


def _cast(build) -> tuple[np.ndarray, np.ndarray]:
    scenery, grid = Scenery(np.random.default_rng(0)), RayGrid(LEVEL)
    build(Part(scenery, Label.CAR, (0.0, 10.0, 0.0)))
    buffers = Buffers.empty(grid.shape)
    cast(PrimitiveTable(scenery.primitives, grid.origin), grid, buffers)
    return grid.pixels(buffers.depth), grid.pixels(buffers.surface)


@pytest.mark.parametrize("radius", [0.1, 1.0])
def test_ball_and_tube_have_exact_depth(radius):
    depth, surface = _cast(lambda p: p.ball((0, 0, 1.5), (radius, radius, radius), Look((1, 1, 1))))
    assert depth[32, 64] == pytest.approx(10 - radius, rel=1e-5)
    # The outline of a ball at distance d reaches r / sqrt(d^2 - r^2) off the axis.
    reach = 100 * radius / np.sqrt(100 - radius**2)
    assert (surface[32] >= FIRST).sum() == 2 * int(reach) + 1
    depth, surface = _cast(lambda p: p.tube((0, 0, 0), (0, 0, 3), radius, Look((1, 1, 1))))
    assert depth[32, 64] == pytest.approx(10 - radius, rel=1e-5)
    assert (surface[:, 64] >= FIRST).sum() == 2 * int(150 / (10 - radius)) + 1


def test_box_faces_and_occlusion():
    def build(part: Part) -> None:
        part.box((0, 0, 1.5), (1, 2, 1), Look((1, 1, 1)))
        part.box((0, 5, 1.5), (3, 1, 1.4), Look((1, 1, 1)))

    depth, _ = _cast(build)
    assert depth[32, 64] == pytest.approx(8.0)
    # Half a metre is 12.5 columns at 8 m; beyond the front box the other one is seen at 14 m.
    assert depth[32, 64 + 12] == pytest.approx(8.0)
    assert depth[32, 64 + 13] == pytest.approx(14.0)
    assert depth[32, 64 + 21] == pytest.approx(14.0) and np.isinf(depth[32, 64 + 22])


def test_gaps_of_a_fence_show_what_is_behind():
    def build(part: Part) -> None:
        pickets = Look((1, 1, 1), shape=Shape.PICKETS, cut=(0.5, 0.25))
        part.quad((0, 0, 1.5), (2, 0, 0), (0, 0, 1.5), pickets)
        part.box((0, 10, 1.5), (9, 1, 9), Look((1, 1, 1)))

    depth, _ = _cast(build)
    # At 10 m a period of half a metre is five columns; u = 2 m lies on the axis.
    assert depth[32, 65] == pytest.approx(10.0) and depth[32, 68] == pytest.approx(19.0)
    assert (depth[32, 45:84] == 10.0).mean() == pytest.approx(0.5, abs=0.12)


def test_camera_rotation_by_hand():
    camera = Camera(SMALL, 100.0, 100.0, 64.0, 32.0, 1.5, pitch=np.pi / 6, yaw=np.pi / 2)
    # Looking right and 30 degrees down: the axis points along +x and falls by sin 30.
    np.testing.assert_allclose(camera.rotation() @ (0, 0, 1), (np.sqrt(0.75), 0, -0.5), atol=1e-12)
    assert np.linalg.det(camera.rotation()) == pytest.approx(1)


def test_files_round_trip(tmp_path, scenes):
    counts = {"train": 2, "val": 1}
    write_street_scenes(tmp_path, counts, SMALL, seed=5, workers=1)
    for number in range(2):
        name, scene = f"train/{number:06d}", scenes[number]
        depth = cv2.imread(str(tmp_path / f"depth/{name}.png"), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == np.uint16
        assert np.abs(depth * DEPTH_SCALE - scene.depth).max() <= DEPTH_SCALE / 2 + 1e-4
        np.testing.assert_array_equal(depth == 0, scene.depth == 0)
        labels = np.asarray(Image.open(tmp_path / f"label/{name}.png"))
        np.testing.assert_array_equal(labels, scene.labels)
        rgb = np.asarray(Image.open(tmp_path / f"rgb/{name}.jpg")).astype(float)
        right, swapped = (np.abs(rgb - scene.img[..., ::k]).mean() for k in (-1, 1))
        assert right < 8 and right < 0.8 * swapped
        outline = np.asarray(Image.open(tmp_path / f"boundary/{name}.png"))
        assert outline.dtype == np.uint8
        np.testing.assert_array_equal(outline, scene.boundary)
        camera = json.loads((tmp_path / f"camera/{name}.json").read_text())
        assert camera["fx"] == scene.camera.fx and camera["height"] == scene.camera.height
    val = np.asarray(Image.open(tmp_path / "label/val/000000.png"))
    assert (val != scenes[0].labels).mean() > 0.1


@pytest.mark.slow
def test_several_processes_write_what_one_writes(tmp_path):
    for workers in (1, 2):
        write_street_scenes(tmp_path / str(workers), {"train": SHARE + 1}, (16, 32), 5, workers)
    one, other = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*.*")}
        for root in (tmp_path / "1", tmp_path / "2")
    )
    assert one == other and len(one) == 9 * (SHARE + 1) + 1


def test_finished_folder_is_kept_and_another_refused(tmp_path):
    size, counts = (16, 32), {"train": 1, "val": 1}
    assert ensure_street_scenes(tmp_path, counts, size, seed=1, workers=1)
    marker = tmp_path / "rgb/train/000000.jpg"
    marker.write_bytes(b"kept")
    assert not ensure_street_scenes(tmp_path, counts, size, seed=1)
    assert marker.read_bytes() == b"kept"
    with pytest.raises(
        ValueError, match=r"found .*'seed': 1.*expected .*'seed': 2.*another folder"
    ):
        ensure_street_scenes(tmp_path, counts, size, seed=2)
    # Scenes of an older renderer lack files.
    manifest = tmp_path / "street_scenes.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"renderer_version": 5', '"renderer_version": 4'))
    with pytest.raises(DataError, match="expected none below 0"):
        write_street_scenes(tmp_path / "none", counts=dict(train=-1))
    with pytest.raises(DataError, match="expected none below 0"):
        write_street_scenes(tmp_path / "none", counts=dict(train=1), workers=-1)
    with pytest.raises(DataError, match=r"version': 4.*expected .*version': 5.*delete .* again"):
        ensure_street_scenes(tmp_path, counts, size, seed=1)
    # An interrupted run leaves no manifest: everything is rendered again.
    manifest.unlink()
    assert ensure_street_scenes(tmp_path, counts, size, seed=1, workers=1)
    assert marker.read_bytes() != b"kept"


@pytest.mark.parametrize("counts", [{"train": 1}, {"train": 2, "val": 1}])
@pytest.mark.parametrize("file", ["rgb/train/000000.jpg", "label/train/a.png", "camera/train/x"])
def test_files_of_others_are_not_overwritten(tmp_path, counts, file):
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"holds other files .*such as .*Choose another folder"):
        ensure_street_scenes(tmp_path, counts, (16, 32), seed=1, workers=1)
    assert path.read_bytes() == b"mine"
    assert [path] == [each for each in tmp_path.rglob("*") if each.is_file()]


def test_scenes_of_a_longer_rendering_are_not_mixed_in(tmp_path):
    write_street_scenes(tmp_path, {"train": 2}, (16, 32), workers=1)
    (tmp_path / "street_scenes.json").unlink()
    with pytest.raises(DataError, match=r"holds other files .*000001\.jpg"):
        ensure_street_scenes(tmp_path, {"train": 1}, (16, 32), workers=1)


def test_bad_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="negative"):
        render_scene(-1, 0)
    with pytest.raises(ValueError, match="8 x 8"):
        render_scene(0, 0, (4, 256))
    with pytest.raises(ValueError, match="unknown splits"):
        write_street_scenes(tmp_path, {"dev": 1})


def test_the_smallest_size_renders_without_any_patterned_surface():
    scene = render_scene(3, 80, (8, 8))
    assert scene.img.shape == (8, 8, 3)


@pytest.mark.parametrize("name", ["scenery", "camera", "noise", "street", "scene"])
def test_docstring_examples(name):
    module = importlib.import_module(f"mtl_plugins.street_scenes.{name}")
    result = doctest.testmod(module)
    assert result.attempted > 0 and result.failed == 0
