"""Polygons to label files: three formats of the same shapes, numbers counted by hand."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.data_tools import convert_polygons, report_conversion
from mtl_plugins.errors import ConfigError, DataError

from ..commands import call

pytest.importorskip("pycocotools")

SIZE = (24, 40)
ROAD = [0, 12, 40, 12, 40, 24, 0, 24]
CAR = [10, 8, 20, 8, 20, 18, 10, 18]
EXPECTED = np.zeros(SIZE, np.uint8)
EXPECTED[12:] = 1
EXPECTED[8:18, 10:20] = 2


def coco(shapes, names=("road", "car"), file_name="seen/a.jpg"):
    return dict(
        images=[dict(id=5, file_name=file_name, height=SIZE[0], width=SIZE[1])],
        categories=[dict(id=10 + index, name=name) for index, name in enumerate(names)],
        annotations=[
            dict(id=index, image_id=5, category_id=10 + names.index(name), segmentation=found)
            for index, (name, found) in enumerate(shapes)
        ],
    )


def labelme(shapes, **changes):
    listed = [
        dict(label=name, points=np.reshape(corners, (-1, 2)).tolist(), shape_type=kind)
        for name, corners, kind in shapes
    ]
    return dict(shapes=listed, imagePath="a.jpg", imageHeight=24, imageWidth=40) | changes


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8-sig")
    return str(path)


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIZE[::-1]).save(path)


def labels(path):
    return np.asarray(Image.open(path))


def yolo(root, *lines, names="names: [road, car]"):
    write(root / "data.yaml", names)
    write(root / "labels" / "train" / "a.txt", "\n".join(lines))
    image(root / "images" / "train" / "a.jpg")
    return str(root / "labels" / "train")


def scaled(corners):
    return " ".join(map(str, (np.reshape(corners, (-1, 2)) / SIZE[::-1]).ravel()))


@pytest.fixture(params=["coco", "labelme", "yolo"])
def source(request, tmp_path):
    """Annotations of a car on a road, the car listed last (labelme) or in any order."""
    if request.param == "coco":
        shapes = [("car", [CAR]), ("road", [ROAD])]
        return write(tmp_path / "in.json", coco(shapes, file_name="a.jpg"))
    if request.param == "labelme":
        shapes = [("road", ROAD, "polygon"), ("car", CAR, "polygon")]
        return str(tmp_path / "in") if write(tmp_path / "in/a.json", labelme(shapes)) else ""
    return yolo(tmp_path / "in", f"1 {scaled(CAR)}", f"0 {scaled(ROAD)}")


def test_three_formats_of_the_same_shapes_give_the_same_labels(source, tmp_path):
    wanted = ["road", "car"]
    found = convert_polygons(source, str(tmp_path / "out"), classes=wanted)
    assert np.array_equal(labels(tmp_path / "out/a.png"), EXPECTED)
    assert labels(tmp_path / "out/a.png").dtype == np.uint8
    assert found.classes == ("background", "road", "car")
    assert found.shapes == dict(road=1, car=1)
    assert found.pixels == dict(background=440, road=420, car=100)


def test_background_may_be_no_class_or_one_of_the_classes(source, tmp_path):
    convert_polygons(source, str(tmp_path / "a"), classes=["road", "car"], background="none")
    assert np.array_equal(labels(tmp_path / "a/a.png") == 255, EXPECTED == 0)
    found = convert_polygons(source, str(tmp_path / "b"), classes=["car"], background="road")
    assert found.classes == ("road", "car")
    assert np.array_equal(labels(tmp_path / "b/a.png"), EXPECTED == 2)


def test_unwanted_classes_become_background(source, tmp_path):
    found = convert_polygons(source, str(tmp_path / "out"), classes=["car"])
    assert found.classes == ("background", "car")
    assert found.shapes == dict(road=1, car=1)
    assert np.array_equal(labels(tmp_path / "out/a.png"), EXPECTED == 2)


def test_a_second_call_keeps_equal_files_and_refuses_to_replace_others(source, tmp_path):
    convert_polygons(source, str(tmp_path / "out"))
    before = (tmp_path / "out/a.png").stat().st_mtime_ns
    convert_polygons(source, str(tmp_path / "out"))
    assert (tmp_path / "out/a.png").stat().st_mtime_ns == before
    with pytest.raises(DataError, match="holds other labels"):
        convert_polygons(source, str(tmp_path / "out"), background="none")


def test_a_typo_of_a_class_gets_the_nearest_name(source, tmp_path):
    with pytest.raises(ConfigError, match=r"no class 'caar'. Did you mean car\?"):
        convert_polygons(source, str(tmp_path / "out"), classes=["caar"])
    assert not (tmp_path / "out").exists()


def test_coco_masks_parts_and_boxes(tmp_path):
    runs = dict(size=[*SIZE], counts=[24 * 30, 24 * 10])  # by columns: the last ten are set
    parts = [[0, 0, 4, 0, 4, 4, 0, 4], [8, 0, 12, 0, 12, 4, 8, 4]]
    content = coco([("road", runs), ("car", parts), ("car", []), ("car", None)])
    found = convert_polygons(write(tmp_path / "in.json", content), str(tmp_path / "out"))
    expected = np.zeros(SIZE, np.uint8)
    expected[:, 30:] = 1
    expected[:4, :4] = expected[:4, 8:12] = 2
    assert np.array_equal(labels(tmp_path / "out/seen/a.png"), expected)
    assert found.skipped == {"boxes without a polygon": 2}


def test_coco_compressed_masks(tmp_path):
    mask = pytest.importorskip("pycocotools.mask")
    encoded = mask.encode(np.asfortranarray(EXPECTED == 2, dtype=np.uint8))
    encoded["counts"] = encoded["counts"].decode()
    convert_polygons(write(tmp_path / "in.json", coco([("road", encoded)])), str(tmp_path / "out"))
    assert np.array_equal(labels(tmp_path / "out/seen/a.png"), EXPECTED == 2)


def test_labelme_shapes_and_special_names(tmp_path, capsys):
    stamp = io.BytesIO()
    Image.fromarray(np.full((3, 5), 255, np.uint8)).save(stamp, "PNG")
    content = labelme(
        [
            ("car", [2, 2, 8, 6], "rectangle"),
            ("car", [20, 12, 20, 16], "circle"),
            ("lane", [0, 20.5, 40, 20.5], "linestrip"),
            ("car", [1, 1], "point"),
            ("_background_", [2, 2, 4, 2, 4, 6, 2, 6], "polygon"),
            ("__ignore__", [30, 0, 40, 0, 40, 4, 30, 4], "polygon"),
        ]
    )
    mask = dict(label="car", points=[[33, 10], [38, 13]], shape_type="mask")
    mask["mask"] = base64.b64encode(stamp.getvalue()).decode()
    content["shapes"].append(mask)
    path = write(tmp_path / "in/a.json", content)
    found = convert_polygons(path, str(tmp_path / "out"), line_width=1)
    assert found.classes == ("background", "car", "lane")
    seen = labels(tmp_path / "out/a.png")
    assert (seen[2:6, 4:8] == 1).all() and (seen[2:6, 2:4] == 0).all()
    assert (seen[20] == 2).all() and (seen[:20] == 2).sum() == 0
    assert (seen[:4, 30:] == 255).all() and (seen == 255).sum() == 40
    assert (seen[10:13, 33:38] == 1).all()
    circle = (seen[8:20, 14:27] == 1).sum()
    assert abs(circle - np.pi * 16) < 3
    assert found.skipped == {"points of 1 points": 1}
    report_conversion(found, "out")
    assert "other classes" not in capsys.readouterr().out
    without = convert_polygons(path, str(tmp_path / "no_lines"))
    assert without.skipped == {"points of 1 points": 1, "linestrips of 2 points": 1}


def test_labelme_without_sizes_reads_the_image(tmp_path):
    image(tmp_path / "in/a.jpg")
    content = labelme([("car", CAR, "polygon")], imageHeight=None, imageWidth=None)
    write(tmp_path / "in/a.json", content)
    convert_polygons(str(tmp_path / "in"), str(tmp_path / "out"))
    assert np.array_equal(labels(tmp_path / "out/a.png"), EXPECTED == 2)


def test_yolo_images_without_a_file_are_all_background(tmp_path):
    source = yolo(tmp_path / "in", f"0 {scaled(ROAD)}")
    image(tmp_path / "in/images/train/b.PNG")
    assert convert_polygons(source, str(tmp_path / "out")).images == 2
    assert not labels(tmp_path / "out/b.png").any()


def test_more_than_255_classes_are_written_in_16_bits(tmp_path):
    names = [f"class {index}" for index in range(300)]
    content = coco([("class 299", [CAR])], names)
    convert_polygons(write(tmp_path / "in.json", content), str(tmp_path / "out"))
    seen = labels(tmp_path / "out/seen/a.png")
    assert seen.dtype == np.uint16 and np.unique(seen).tolist() == [0, 300]


BAD = {
    "missing": (lambda path: str(path / "annotatons.json"), "does not exist"),
    "empty folder": (lambda path: str(path), "neither .json files"),
    "no json": (lambda path: write(path / "a.json", "{"), "cannot be read as annotations"),
    "other json": (lambda path: write(path / "a.json", [1, 2]), "neither images and annotations"),
    "unknown category": (
        lambda path: write(path / "a.json", coco([("road", [CAR])]) | dict(categories=[])),
        "which the file does not list",
    ),
    "no category": (
        lambda path: write(path / "a.json", dict(images=[], annotations=[])),
        "'categories' is missing",
    ),
    "odd polygon": (
        lambda path: write(path / "a.json", coco([("road", [CAR[:-1]])])),
        "expected pairs of x and y",
    ),
    "a mask that ends too early": (
        lambda path: write(path / "a.json", coco([("road", dict(size=[*SIZE], counts=[9, 9]))])),
        "do not cover its image",
    ),
    "mask of another size": (
        lambda path: write(path / "a.json", coco([("road", dict(size=[3, 4], counts=[6, 6]))])),
        "a mask has the size",
    ),
    "two images of one name": (
        lambda path: write(
            path / "a.json",
            dict(
                coco([]),
                images=[
                    dict(id=index, file_name=name, height=4, width=4)
                    for index, name in enumerate(("a.jpg", "a.png"))
                ],
            ),
        ),
        "belong to several images",
    ),
    "outside": (
        lambda path: write(path / "a.json", coco([], file_name="../a.jpg")),
        "outside the folder",
    ),
    "labelme without shapes": (lambda path: write(path / "b/a.json", {}), "neither images"),
    "labelme's bad mask": (
        lambda path: write(
            path / "a.json",
            dict(labelme([]), shapes=[dict(label="a", points=[0, 0], shape_type="mask", mask="?")]),
        ),
        "cannot be read as annotations of labelme",
    ),
    "labelme's image is missing": (
        lambda path: write(path / "a.json", labelme([], imageHeight=None)),
        "whose size the annotations need",
    ),
    "a box of YOLO": (lambda path: yolo(path, "0 0.5 0.5 0.1 0.1"), "line 1, .*it is a box"),
    "pixels of YOLO": (lambda path: yolo(path, "0 1 1 20 20 40 8"), "pairs of x y, 0 to 1"),
    "a class of YOLO": (lambda path: yolo(path, f"7 {scaled(CAR)}"), "out of range"),
    "no names of YOLO": (lambda path: yolo(path, names="train: a"), "no .yaml file with"),
    "an image of YOLO": (
        lambda path: yolo(path) if (write(path / "labels/train/c.txt", "")) else "",
        "have no image in",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_annotations_are_data_errors(name, tmp_path):
    make, message = BAD[name]
    with pytest.raises(DataError, match=message):
        convert_polygons(make(tmp_path), str(tmp_path / "out"))


def test_the_command_prints_lines_of_a_config_that_read_the_files(source, tmp_path):
    out = tmp_path / "data/label"
    text = call("convert_polygons.py", source, out, "--classes", "road", "car").stdout
    target = re.search(r"targets=(.*)", text)[1]
    targets = eval(target, dict(dict=dict))
    assert targets["semseg"] == dict(folder=str(out), classes=("background", "road", "car"))
    assert re.search(r"car\s+2\s+1\s+10.4 %", text)
