"""Writing StreetScenes to a folder of pictures, labels, depth, normals and cameras."""

import gc
import json
import multiprocessing
import os
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from ..errors import DataError
from ..utils import track
from .scene import StreetScene, render_scene

DEPTH_SCALE = 0.005
"""Metres per unit of the 16-bit depth pictures; 0 is not measured."""

JPEG_QUALITY = 92
MANIFEST = "street_scenes.json"
# Part of the manifest: raise it whenever the same seed renders another picture or other files.
RENDERER_VERSION = 3
# Every split draws from its own range of scene numbers.
_FIRST_INDEX = {"train": 0, "val": 10_000_000, "test": 20_000_000}


def write_scene(root: Path, split: str, number: int, scene: StreetScene) -> None:
    """Write one scene below ``root``; raises OSError where a file cannot be written."""
    camera = scene.camera
    depth = np.rint(scene.depth / DEPTH_SCALE).astype(np.uint16)
    normals = np.rint((scene.normals + 1) * 127.5).astype(np.uint8)
    normals[~scene.normals.any(-1)] = 0
    intrinsics = {name: getattr(camera, name) for name in ("fx", "fy", "cx", "cy")}
    pose = {name: float(getattr(camera, name)) for name in ("height", "pitch", "roll", "yaw")}
    # The usual level compresses little better and takes several times as long.
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 2]
    files = {
        "rgb": cv2.imencode(".jpg", scene.img, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1],
        "label": cv2.imencode(".png", scene.labels, fast)[1],
        "depth": cv2.imencode(".png", depth, fast)[1],
        # The file's order of channels is that of a picture viewer: x is red.
        "normals": cv2.imencode(".png", normals[..., ::-1], fast)[1],
        "camera": json.dumps({**intrinsics, **pose}).encode(),
    }
    endings = {"rgb": "jpg", "label": "png", "depth": "png", "normals": "png", "camera": "json"}
    for kind, content in files.items():
        (root / kind / split / f"{number:06d}.{endings[kind]}").write_bytes(bytes(content))


def write_street_scenes(
    root: str | Path,
    counts: dict[str, int],
    size: tuple[int, int] = (128, 256),
    seed: int = 0,
    workers: int | None = None,
) -> None:
    """Render ``counts`` scenes a split and write them below ``root``.

    Writes ``rgb/<split>/000000.jpg``, ``label/<split>/000000.png`` (8-bit train ids, 255 = void),
    ``depth/<split>/000000.png`` (16-bit, metres = value * ``DEPTH_SCALE``, 0 = not measured),
    ``normals/<split>/000000.png`` (8-bit RGB, x, y, z = value / 127.5 - 1 in the camera frame,
    exact to 0.4 degrees, black = none) and ``camera/<split>/000000.json``. The manifest
    ``street_scenes.json`` comes last, so a folder without one is unfinished. ``workers`` processes
    share the work, one a CPU by default. Raises DataError for a split other than train, val and
    test.
    """
    root = Path(root)
    jobs = [(split, number) for split, count in counts.items() for number in range(count)]
    manifest = _manifest(counts, size, seed)
    (root / MANIFEST).unlink(missing_ok=True)
    for kind in ("rgb", "label", "depth", "normals", "camera"):
        for split in counts:
            (root / kind / split).mkdir(parents=True, exist_ok=True)
    work = partial(_render_and_write, root, tuple(size), seed)
    workers = min(workers or os.cpu_count() or 1, max(1, len(jobs)))
    if workers == 1:
        for job in track(jobs, "rendering StreetScenes"):
            work(job)
    else:
        # Forking is unsafe once the calling process runs threads, as torch does.
        with multiprocessing.get_context("spawn").Pool(workers, _prepare_worker) as pool:
            done = pool.imap_unordered(work, jobs, chunksize=8)
            for _ in track(done, "rendering StreetScenes", total=len(jobs)):
                pass
    partial_file = root / (MANIFEST + ".part")
    partial_file.write_text(json.dumps(manifest, indent=2))
    partial_file.replace(root / MANIFEST)


def ensure_street_scenes(
    root: str | Path,
    counts: dict[str, int],
    size: tuple[int, int] = (128, 256),
    seed: int = 0,
    workers: int | None = None,
) -> bool:
    """Write StreetScenes unless ``root`` holds just these; return whether they were written.

    Raises DataError if ``root`` holds StreetScenes of another size, seed, count or renderer.
    """
    if find_street_scenes(root, counts, size, seed):
        return False
    write_street_scenes(root, counts, size, seed, workers)
    return True


def find_street_scenes(
    root: str | Path, counts: dict[str, int], size: tuple[int, int] = (128, 256), seed: int = 0
) -> bool:
    """Return whether ``root`` holds just these StreetScenes.

    Raises DataError if it holds those of another size, seed, count or renderer.
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


def _manifest(counts: dict[str, int], size: tuple[int, int], seed: int) -> dict:
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
    # What is imported stays: the garbage collector need not search it again and again.
    gc.freeze()


def _render_and_write(root: Path, size: tuple[int, int], seed: int, job: tuple[str, int]) -> None:
    split, number = job
    write_scene(root, split, number, render_scene(seed, _FIRST_INDEX[split] + number, size))
