"""Read COCO, labelme and YOLO annotations as masks of their shapes."""

from __future__ import annotations

import base64
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from math import dist
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps

from ..errors import DataError
from ..utils import did_you_mean_path, parse_json

ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
"""Endings of images, in small letters."""

CIRCLE_CORNERS = 64
"""Corners of the polygon that is drawn for a circle."""

SUBPIXEL_BITS = 4
"""Bits after the point of the coordinates of a line."""


@dataclass(frozen=True)
class Annotated:
    """The shapes of one image.

    Attributes:
        size: height and width in pixels.
        shapes: name of the class and mask, H,W bool, of each, in the order in which they are drawn:
            later ones cover earlier ones.
        skipped: a word or two for each annotation without an area, such as a box.
    """

    size: tuple[int, int]
    shapes: tuple[tuple[str, np.ndarray], ...]
    skipped: tuple[str, ...]


Reader = Callable[[], Annotated]


@dataclass(frozen=True)
class Annotations:
    """Annotations of a folder or file.

    Attributes:
        kind: "COCO", "labelme" or "YOLO".
        classes: names of the classes in their order; labelme's, which have none, by name.
        images: reader of each image, by the image's path below its folder, without its ending.
    """

    kind: str
    classes: tuple[str, ...]
    images: Mapping[str, Reader]


def read_annotations(source: str, images: str | None = None, line_width: int = 0) -> Annotations:
    """Find the kind of annotations by their content.

    Args:
        source: a COCO file (.json); a folder of labelme's files (.json, in subfolders too), or one
            of them; or a folder of YOLO's segmentation files (.txt), whose classes are named in a
            data.yaml there or above.
        images: folder of the images, where the annotations lack their sizes (YOLO); default:
            YOLO's folder `images` in place of `labels`, or the annotations' own.
        line_width: width in pixels of labelme's lines; 0: they are skipped.

    Raises:
        ImportError: pycocotools is not installed.
        DataError: the source does not exist or is none of these, or two images have one name; a
            reader of `images` raises it for annotations that are no polygons of its kind.
    """
    if find_spec("pycocotools") is None:
        raise ImportError('Polygons are drawn by pycocotools. Run: pip install "mtl_plugins[data]"')
    path = Path(source).expanduser()
    if path.is_file():
        content = _json(path)
        if isinstance(content, dict) and "shapes" in content:
            return _labelme(path.parent, [path], images, line_width)
        if isinstance(content, dict) and {"images", "annotations"} <= content.keys():
            return _coco(path, content)
        raise DataError(
            f"{path} has neither images and annotations (COCO) nor shapes (labelme). Give a file "
            "of one of them, or a folder of labelme or YOLO files."
        )
    if not path.is_dir():
        raise DataError(f"{path} does not exist. {did_you_mean_path(str(path))}".rstrip())
    if found := sorted(path.rglob("*.json")):
        return _labelme(path, found, images, line_width)
    if any(path.rglob("*.txt")):
        return _yolo(path, images)
    raise DataError(
        f"{path} has neither .json files (labelme) nor .txt files (YOLO). Give the folder of the "
        "annotations, or the .json file of a COCO data set."
    )


def _by_name(readers: Sequence[tuple[str, Reader]]) -> dict[str, Reader]:
    """Return the readers by name.

    Raises:
        DataError: two images differ in their ending alone, or the name leaves the folder.
    """
    counts = Counter(name for name, _ in readers)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise DataError(
            f"{len(twice)} names belong to several images, the first is {twice[0]!r}, and their "
            "label files would be one. Rename the images."
        )
    outside = [name for name in counts if os.path.isabs(name) or ".." in Path(name).parts]
    if outside:
        raise DataError(
            f"The image {outside[0]!r} is outside the folder of the images. Write its path below "
            "that folder into the annotations."
        )
    return dict(readers)


@contextmanager
def _reading(path: Path, kind: str) -> Iterator[None]:
    """Turn what a file of another form raises into a `DataError`."""
    try:
        yield
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise DataError(f"{path} cannot be read as annotations of {kind}: {reason}.") from error


def _json(path: Path) -> Any:
    with _reading(path, "COCO or labelme"):
        return parse_json(path.read_text(encoding="utf-8-sig"))


def _size_of_image(path: Path) -> tuple[int, int]:
    """Return height and width of an image as viewers show it."""
    try:
        with Image.open(path) as image:
            width, height = ImageOps.exif_transpose(image).size
    except OSError as error:
        raise DataError(f"{path}, whose size the annotations need, cannot be read: {error}.") from (
            error
        )
    return height, width


# ---- Masks


def _area(parts: Sequence[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a union of polygons, each N,2 of x and y in pixels, as COCO does."""
    from pycocotools import mask

    encoded = mask.frPyObjects([part.ravel().tolist() for part in parts], *size)
    return mask.decode(mask.merge(encoded)).astype(bool)


def _encoded_area(runs: Mapping[str, Any], size: tuple[int, int]) -> np.ndarray:
    """Return the pixels of COCO's run-length encoding, a list or compressed."""
    from pycocotools import mask

    if tuple(runs["size"]) != size:
        raise ValueError(f"a mask has the size {runs['size']}, its image {size}")
    packed = isinstance(runs["counts"], (str, bytes))
    encoded = runs if packed else mask.frPyObjects(runs, *size)
    found = mask.decode(encoded)
    # pycocotools leaves what no run covers unwritten.
    whole = packed or sum(runs["counts"]) == size[0] * size[1]
    if not whole or found.sum(dtype=int) != mask.area(encoded):
        raise ValueError(f"the runs of a mask do not cover its image, {size[0]}x{size[1]} pixels")
    return found.astype(bool)


def _line(corners: np.ndarray, width: int, size: tuple[int, int]) -> np.ndarray:
    canvas = np.zeros(size, np.uint8)
    # Centres of pixels are whole numbers in OpenCV.
    fixed = np.rint((corners - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.polylines(canvas, [fixed], False, 1, width, cv2.LINE_8, SUBPIXEL_BITS)
    return canvas.astype(bool)


def _corners(numbers: Any) -> np.ndarray:
    """Return N,2 corners of a flat list of numbers, or of pairs."""
    values = np.asarray(numbers, np.float64)
    if values.size % 2:
        raise ValueError(f"a shape has {values.size} numbers; expected pairs of x and y")
    corners = values.reshape(-1, 2)
    if not np.isfinite(corners).all():
        raise ValueError("a corner is not finite")
    return corners


def _large_first(shapes: list[tuple[str, np.ndarray]]) -> tuple[tuple[str, np.ndarray], ...]:
    """Order shapes so that small ones cover large ones."""
    return tuple(sorted(shapes, key=lambda shape: -int(shape[1].sum())))


# ---- COCO: https://cocodataset.org/#format-data


def _coco(path: Path, content: Mapping[str, Any]) -> Annotations:
    with _reading(path, "COCO"):
        names = {each["id"]: str(each["name"]) for each in content["categories"]}
        of_image: dict[Any, list[Mapping[str, Any]]] = {
            each["id"]: [] for each in content["images"]
        }
        for each in content["annotations"]:
            if each["image_id"] not in of_image or each["category_id"] not in names:
                raise ValueError(
                    f"annotation {each.get('id')} is of image {each['image_id']} and category "
                    f"{each['category_id']}, one of which the file does not list"
                )
            of_image[each["image_id"]].append(each)

        # In the order of their numbers, as COCO's own tools.
        classes = tuple(names[number] for number in sorted(names))
        readers = [
            (
                os.path.splitext(str(image["file_name"]))[0],
                partial(_coco_image, path, image, of_image[image["id"]], names),
            )
            for image in content["images"]
        ]
    return Annotations("COCO", classes, _by_name(readers))


def _coco_image(
    path: Path,
    image: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    names: Mapping[Any, str],
) -> Annotated:
    shapes, skipped = [], []
    with _reading(path, "COCO"):
        size = int(image["height"]), int(image["width"])
        for each in annotations:
            found, label = each.get("segmentation"), names[each["category_id"]]
            if isinstance(found, Mapping):
                shapes.append((label, _encoded_area(found, size)))
                continue
            parts = [part for part in map(_corners, found or ()) if len(part) >= 3]
            if parts:
                shapes.append((label, _area(parts, size)))
            else:
                skipped.append("boxes without a polygon")
    return Annotated(size, _large_first(shapes), tuple(skipped))


# ---- labelme: https://github.com/wkentaro/labelme


def _labelme(root: Path, files: Sequence[Path], images: str | None, width: int) -> Annotations:
    labels: set[str] = set()
    for path in files:
        content = _json(path)
        with _reading(path, "labelme"):
            labels |= {str(shape["label"]) for shape in content["shapes"]}
    readers = [
        (
            path.relative_to(root).with_suffix("").as_posix(),
            partial(_labelme_image, path, images, width),
        )
        for path in files
    ]
    return Annotations("labelme", tuple(sorted(labels)), _by_name(readers))


def _labelme_image(path: Path, images: str | None, width: int) -> Annotated:
    content = _json(path)
    shapes, skipped = [], []
    with _reading(path, "labelme"):
        size = content.get("imageHeight"), content.get("imageWidth")
        if not all(size):
            folder = Path(images).expanduser() if images else path.parent
            size = _size_of_image(folder / str(content["imagePath"]).replace("\\", "/"))
        size = int(size[0]), int(size[1])
        for each in content["shapes"]:
            kind = each.get("shape_type") or "polygon"
            mask = _labelme_mask(kind, each, width, size)
            if mask is None:
                skipped.append(f"{kind}s of {len(each['points'])} points")
            else:
                shapes.append((str(each["label"]), mask))
    return Annotated(size, tuple(shapes), tuple(skipped))


def _labelme_mask(
    kind: str, shape: Mapping[str, Any], width: int, size: tuple[int, int]
) -> np.ndarray | None:
    """Return the pixels of a shape; None if it has no area."""
    corners = _corners(shape["points"])
    if kind == "polygon" and len(corners) >= 3:
        return _area([corners], size)
    if kind in ("line", "linestrip") and width and len(corners) >= 2:
        return _line(corners, width, size)
    if kind == "rectangle" and len(corners) == 2:
        (left, top), (right, bottom) = corners.tolist()
        return _area([_corners([left, top, right, top, right, bottom, left, bottom])], size)
    if kind == "circle" and len(corners) == 2:
        angles = np.linspace(0, 2 * np.pi, CIRCLE_CORNERS, endpoint=False)
        edge = dist(*corners) * np.stack([np.cos(angles), np.sin(angles)], 1)
        return _area([corners[0] + edge], size)
    if kind == "mask":
        # A picture of the box that begins at the first corner.
        part = np.asarray(Image.open(io.BytesIO(base64.b64decode(shape["mask"])))) > 0
        left, top = np.rint(corners[0]).astype(int)
        mask = np.zeros(size, bool)
        mask[top : top + len(part), left : left + part.shape[1]] = part
        return mask
    return None


# ---- YOLO: https://docs.ultralytics.com/datasets/segment/


def _yolo(root: Path, images: str | None) -> Annotations:
    folder = Path(images).expanduser() if images else _images_of(root)
    if folder is None or not folder.is_dir():
        raise DataError(
            f"{folder or root}: YOLO's files have no sizes of images, and their folder is not "
            "there. Give it (--images)."
        )
    found = [
        (path.relative_to(folder).with_suffix(""), path)
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in ENDINGS
    ]
    texts = {path.relative_to(root).with_suffix(""): path for path in root.rglob("*.txt")}
    if lost := sorted(texts.keys() - {name for name, _ in found}):
        raise DataError(
            f"{len(lost)} of {len(texts)} .txt files have no image in {folder}, the first is "
            f"{texts[lost[0]]}. Give the folder of the images (--images)."
        )
    names = _yolo_names(root)

    readers = [
        (name.as_posix(), partial(_yolo_image, image, texts.get(name), names))
        for name, image in found
    ]
    return Annotations("YOLO", tuple(names), _by_name(readers))


def _images_of(root: Path) -> Path | None:
    """Return YOLO's folder of images: the path with `images` in place of the last `labels`."""
    parts = [*root.parts]
    for place in reversed(range(len(parts))):
        if parts[place] == "labels":
            return Path(*parts[:place], "images", *parts[place + 1 :])
    return None


def _yolo_names(root: Path) -> list[str]:
    """Return the classes of the nearest data.yaml."""
    import yaml

    places = [root, *root.absolute().parents][:4]
    files = [file for place in places for file in sorted(place.glob("*.yaml"))]
    for file in files:
        with _reading(file, "YOLO"):
            content = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
            if isinstance(content, dict) and (names := content.get("names")):
                return [*map(str, names.values() if isinstance(names, dict) else names)]
    raise DataError(
        f"There is no .yaml file with `names` in {root} or above, which says what the numbers of "
        "the classes mean. Put the data.yaml of the data set there."
    )


def _yolo_image(image: Path, text: Path | None, names: Sequence[str]) -> Annotated:
    size = _size_of_image(image)
    shapes = []
    lines = text.read_text(encoding="utf-8-sig").splitlines() if text else []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        with _reading(Path(f"{text}, line {number},"), "YOLO"):
            label, *numbers = line.split()
            if len(numbers) == 4:
                raise ValueError("it is a box (class, centre, size), no polygon")
            corners = _corners([*map(float, numbers)])
            if len(corners) < 3 or corners.min() < 0 or corners.max() > 1:
                raise ValueError("expected a class and three or more pairs of x y, 0 to 1")
            shapes.append((names[int(label)], _area([corners * size[::-1]], size)))
    return Annotated(size, _large_first(shapes), ())
