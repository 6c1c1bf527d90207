"""Convert polygons to label files, one number a pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import ConfigError, DataError
from ..targets import Target
from ..utils import TextTable, check_results, did_you_mean, replaced, track, wide_console
from .annotations import Annotations, read_annotations

NO_CLASS = "none"
"""Background that is no class."""

OF_LABELME = {"_background_", "__ignore__"}
"""labelme's names for the background, and for pixels without a class."""


@dataclass(frozen=True)
class Conversion:
    """What `convert_polygons` wrote.

    Attributes:
        kind: kind of the annotations.
        classes: names of the classes; their place is the number in the files.
        invalid: number of a pixel without a class.
        images: number of files.
        shapes: number of shapes of each class, those of classes that were not wanted included.
        pixels: number of pixels of each class.
        skipped: number of annotations without an area, by kind.
    """

    kind: str
    classes: tuple[str, ...]
    invalid: int
    images: int
    shapes: Counter[str]
    pixels: Counter[str]
    skipped: Counter[str]


def convert_polygons(
    source: str,
    folder: str,
    images: str | None = None,
    classes: Sequence[str] = (),
    background: str = "background",
    line_width: int = 0,
) -> Conversion:
    """Write a label file, `<name of the image>.png`, for each annotated image.

    A pixel has the number of its class, a pixel in no shape that of the background. Where shapes
    overlap, the smaller one counts (COCO, YOLO), or the later one (labelme). labelme's `__ignore__`
    and `_background_` are no class and the background. Files that hold the same labels already are
    kept, so a second call continues a stopped one.

    Args:
        source, images, line_width: as in `read_annotations`.
        folder: where the files go, in the subfolders of the images.
        classes: names of the classes that are wanted, in the order of their numbers; shapes of
            others become background. Default: all, in the annotations' order (labelme's by name).
        background: name of class 0; 'none': pixels in no shape have no class. One of `classes`:
            these pixels have this class.

    Returns:
        The number of files, shapes and pixels.

    Raises:
        ConfigError: a class is unknown or named twice, or the folder cannot be written.
        DataError: as `read_annotations`; two images have one name; or a file holds other labels.
    """
    check_results(folder=str(Path(folder).expanduser()))
    found = read_annotations(source, images, line_width)
    target, outside = _target(found, classes, background)
    shapes: Counter[str] = Counter()
    pixels: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for name, read in track(found.images.items(), "converting polygons", len(found.images)):
        image = read()
        labels = np.full(image.size, outside, target.dtype)
        for label, mask in image.shapes:
            labels[mask] = _number(label, target, outside)
        _write(Path(folder).expanduser() / f"{name}.png", labels)
        shapes.update(label for label, _ in image.shapes)
        skipped.update(image.skipped)
        for value, count in zip(*np.unique(labels, return_counts=True), strict=True):
            if value != target.invalid:
                pixels[target.classes[value]] += int(count)
    return Conversion(
        found.kind, target.classes, int(target.invalid), len(found.images), shapes, pixels, skipped
    )


def _target(found: Annotations, classes: Sequence[str], background: str) -> tuple[Target, int]:
    """Return the target of the files and the number of a pixel in no shape."""
    known = [name for name in found.classes if name not in OF_LABELME]
    for name in classes:
        if name not in [*known, background]:
            raise ConfigError(
                f"The annotations have no class {name!r}. {did_you_mean(name, known)}".rstrip()
            )
    wanted = [*(classes or known)]
    if background not in (NO_CLASS, *wanted):
        wanted.insert(0, background)
    target = Target("labels", "classes", classes=tuple(wanted))
    return target, int(target.invalid) if background == NO_CLASS else wanted.index(background)


def _number(label: str, target: Target, outside: int) -> int:
    """Return the number of a shape's pixels."""
    if label == "__ignore__":
        return int(target.invalid)
    return target.classes.index(label) if label in target.classes else outside


def _write(path: Path, labels: np.ndarray) -> None:
    """Write a label file unless it is there already.

    Raises:
        DataError: it is there with other labels.
    """
    if path.exists():
        with Image.open(path) as image:
            if np.array_equal(np.asarray(image), labels):
                return
        raise DataError(f"{path} exists and holds other labels. Remove it, or give another folder.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(str(path)) as unfinished:
        Image.fromarray(labels).save(unfinished, "PNG")


def report_conversion(found: Conversion, folder: str) -> None:
    """Print the numbers of a conversion, and the lines of a config that read its files."""
    total = sum(found.pixels.values()) or 1
    rows = [
        [name, str(number), str(found.shapes[name]), f"{100 * found.pixels[name] / total:.1f} %"]
        for number, name in enumerate(found.classes)
    ]
    known = {*found.classes, *OF_LABELME}
    others = sum(count for name, count in found.shapes.items() if name not in known)
    notes = [f"{count} {kind}" for kind, count in found.skipped.items()]
    if others:
        notes.append(f"{others} shapes of other classes")
    title = f"{folder}: {found.images} label files of {found.kind} annotations"
    caption = f"Not converted: {', '.join(notes)}." if notes else None
    columns = ["class", "number", "shapes", "pixels"]
    wide_console().print(TextTable(columns, rows, title=title, caption=caption))
    classes = ", ".join(repr(name) for name in found.classes)
    print(f"targets=dict(semseg=dict(folder={folder!r}, classes=({classes},)))")
