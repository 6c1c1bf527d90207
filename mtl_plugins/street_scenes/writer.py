"""Folders of StreetScenes: images and the truth about them as files."""

import gc
import json
import multiprocessing
import os
import re
from functools import partial
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..utils import replaced, track
from .scene import StreetScene, render_scene

DEPTH_SCALE = 0.005
"""Metres per unit of the 16-bit depth images; 0 is not measured."""

JPEG_QUALITY = 92
MANIFEST = "street_scenes.json"
RENDERER_VERSION = 5
"""Part of the manifest: raise it whenever the same seed renders other images or other files."""
SHARE = 16
"""Scenes that a process renders before it asks for more."""
_ENDINGS = {
    "rgb": "jpg",
    "label": "png",
    "depth": "png",
    "normals": "png",
    "boundary": "png",
    "parts": "png",
    "saliency": "png",
    "instance": "png",
    "camera": "json",
}
# Every split draws from its own range of scene numbers.
_FIRST_INDEX = {"train": 0, "val": 10_000_000, "test": 20_000_000}


def write_scene(root: Path, split: str, number: int, scene: StreetScene) -> None:
    """Write one scene below ``root``; raises OSError where a file cannot be written."""
    depth = np.rint(scene.depth / DEPTH_SCALE).astype(np.uint16)
    normals = np.rint((scene.normals + 1) * 127.5).astype(np.uint8)
    normals[~scene.normals.any(-1)] = 0
    numbers = ("fx", "fy", "cx", "cy", "height", "pitch", "roll", "yaw")
    camera = {name: getattr(scene.camera, name) for name in numbers}
    # The usual level compresses little better and takes several times as long.
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 2]
    files = {
        "rgb": _encoded(".jpg", scene.img, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]),
        "label": _encoded(".png", scene.labels, fast),
        "depth": _encoded(".png", depth, fast),
        # Image viewers read red first: x is red.
        "normals": _encoded(".png", normals[..., ::-1], fast),
        "boundary": _encoded(".png", scene.boundary, fast),
        "parts": _encoded(".png", scene.parts, fast),
        "saliency": _encoded(".png", scene.saliency, fast),
        "instance": _encoded(".png", scene.instances.astype(np.uint16), fast),
        "camera": json.dumps(camera).encode(),
    }
    for kind, content in files.items():
        (root / kind / split / f"{number:06d}.{_ENDINGS[kind]}").write_bytes(content)


def _encoded(ending: str, image: NDArray[np.integer], options: list[int]) -> bytes:
    return cv2.imencode(ending, image, options)[1].tobytes()


def write_street_scenes(
    root: str | Path,
    counts: dict[str, int],
    size: tuple[int, int] = (128, 256),
    seed: int = 0,
    workers: int | None = None,
) -> None:
    """Render the number of scenes that ``counts`` gives for each split, and write them.

    Writes ``rgb/<split>/000000.jpg``, ``label/<split>/000000.png`` (8-bit train ids, 255 = void),
    ``depth/<split>/000000.png`` (16-bit, metres = value * ``DEPTH_SCALE``, 0 = not measured),
    ``normals/<split>/000000.png`` (8-bit RGB, x, y, z = value / 127.5 - 1 in the camera frame,
    exact to 0.4 degrees, black = none), ``boundary/<split>/000000.png`` (8-bit, 1 = outline, 255 =
    unknown, see ``StreetScene.boundary``), ``parts/<split>/000000.png`` and
    ``saliency/<split>/000000.png`` (8-bit, 255 = unknown, see ``StreetScene``),
    ``instance/<split>/000000.png`` (16-bit, 0 = no object) and ``camera/<split>/000000.json`` below
    ``root``. The manifest ``street_scenes.json`` is written last, so a folder without one is
    unfinished. At most ``workers`` processes render, by default one per CPU. Raises DataError for a
    split other than train, val and test, a negative number, and if the folders hold other files.
    """
    if min(counts.values(), default=0) < 0 or (workers or 0) < 0:
        raise DataError(f"counts={dict(counts)}, workers={workers}; expected none below 0")
    root = Path(root)
    jobs = [(split, number) for split, count in counts.items() for number in range(count)]
    manifest = _manifest(counts, size, seed)
    _refuse_others(root, counts)
    (root / MANIFEST).unlink(missing_ok=True)
    for kind in _ENDINGS:
        for split in counts:
            (root / kind / split).mkdir(parents=True, exist_ok=True)
    work = partial(_render_and_write, root, size, seed)
    # More processes than shares would start for nothing.
    workers = min(workers or os.cpu_count() or 1, max(1, ceil(len(jobs) / SHARE)))
    if workers == 1:
        for job in track(jobs, "rendering StreetScenes"):
            work(job)
    else:
        # Forking is unsafe once the calling process runs threads, as torch does.
        with multiprocessing.get_context("spawn").Pool(workers, _prepare_worker) as pool:
            done = pool.imap_unordered(work, jobs, chunksize=SHARE)
            for _ in track(done, "rendering StreetScenes", total=len(jobs)):
                pass
    with replaced(str(root / MANIFEST)) as unfinished:
        Path(unfinished).write_text(json.dumps(manifest, indent=2))


def _refuse_others(root: Path, counts: dict[str, int]) -> None:
    """Raise DataError for a file in the folders that no interrupted rendering of these left."""
    folders = {root / kind / split: (kind, split) for kind in _ENDINGS for split in counts}
    # A rendering begins with all folders.
    begun = all(folder.is_dir() for folder in folders)
    for folder, (kind, split) in folders.items():
        for file in sorted(folder.iterdir() if folder.is_dir() else ()):
            scene = re.fullmatch(rf"(\d{{6}})\.{_ENDINGS[kind]}", file.name)
            if not begun or not scene or int(scene[1]) >= counts[split]:
                raise DataError(
                    f"{root} holds other files than the StreetScenes that are to be rendered into "
                    f"it, such as {file}. Choose another folder, or delete them."
                )


def ensure_street_scenes(
    root: str | Path,
    counts: dict[str, int],
    size: tuple[int, int] = (128, 256),
    seed: int = 0,
    workers: int | None = None,
) -> bool:
    """Write StreetScenes unless ``root`` holds exactly these; return whether they were written.

    Raises DataError if ``root`` holds StreetScenes of another size, seed, count or renderer.
    """
    if find_street_scenes(root, counts, size, seed):
        return False
    write_street_scenes(root, counts, size, seed, workers)
    return True


def find_street_scenes(
    root: str | Path, counts: dict[str, int], size: tuple[int, int] = (128, 256), seed: int = 0
) -> bool:
    """Return whether ``root`` holds exactly these StreetScenes.

    Raises DataError if it holds StreetScenes of another size, seed, count or renderer.
    """
    path = Path(root) / MANIFEST
    expected = _manifest(counts, size, seed)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is damaged: {error}. Delete {root} to have the scenes rendered again."
        ) from error
    if found != expected:
        raise DataError(
            f"{path} describes other StreetScenes: found {found}, expected {expected}. "
            f"Choose another folder, or delete {root} to have them rendered again."
        )
    return True


def _manifest(counts: dict[str, int], size: tuple[int, int], seed: int) -> dict[str, object]:
    unknown = sorted(set(counts) - set(_FIRST_INDEX))
    if unknown:
        raise DataError(f"unknown splits {unknown}, expected some of {sorted(_FIRST_INDEX)}")
    return {
        "renderer_version": RENDERER_VERSION,
        "size": list(size),
        "seed": seed,
        "counts": dict(counts),
        "depth_scale": DEPTH_SCALE,
    }


def _prepare_worker() -> None:
    cv2.setNumThreads(1)
    # Imported modules stay: excluding them saves the garbage collector time in every run.
    gc.freeze()


def _render_and_write(root: Path, size: tuple[int, int], seed: int, job: tuple[str, int]) -> None:
    split, number = job
    write_scene(root, split, number, render_scene(seed, _FIRST_INDEX[split] + number, size))
