"""Text files that name the images of a data set, one a line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator

from ..errors import DataError
from ..utils import did_you_mean_path, read_text, shown, warn
from .files import has_suffix


def listed_names(
    path: str,
    folder: str,
    root: str,
    suffixes: Collection[str],
    exists: Callable[[str], bool],
) -> list[tuple[int, str]]:
    """Return the images that an `ann_file` lists: number of the line, name below their folder.

    A line is a name without its suffix. Where no image has this name, a line may also have the
    suffix, backslashes, or a path that is absolute or relative to the root of the data; one that
    begins with "#" is then a comment. A name that fits no image is returned as it is.

    Args:
        path: of the text file.
        folder: of the images.
        root: `data_root`.
        suffixes: of the images.
        exists: whether there is an image of a name.

    Raises:
        DataError: the file is missing, is no text, lists no image or a file of another folder.
    """
    names = []
    for number, line in enumerate(map(str.strip, list_text(path).split("\n")), start=1):
        if not line:
            continue
        found = next(filter(exists, _readings(line, folder, root, suffixes)), None)
        if found is None and _leads_out(os.path.expanduser(line)):
            raise DataError(
                f"ann_file {path} lists {shown(line)}, which is no image below {folder}. Give "
                "names relative to this folder (data_prefix.img_path)."
            )
        if found is not None or not line.startswith("#"):
            names.append((number, line if found is None else found))
    if not names:
        raise DataError(f"ann_file {path} lists no image.")
    repeated = [name for name, count in Counter(name for _, name in names).items() if count > 1]
    if repeated:
        warn(
            f"ann_file {path} lists {len(repeated)} images more than once, such as "
            f"{shown(repeated[0])}; each line is a sample."
        )
    return names


def list_text(path: str) -> str:
    """Return the text of an `ann_file`.

    Raises:
        DataError: the file is missing or is no text.
    """
    try:
        return read_text(path)
    except FileNotFoundError as error:
        hint = did_you_mean_path(path)
        raise DataError(f"ann_file {path} does not exist. {hint}".rstrip()) from error
    except (OSError, ValueError) as error:
        raise DataError(f"ann_file {path} cannot be read: {error}.") from error


def _readings(line: str, folder: str, root: str, suffixes: Collection[str]) -> Iterator[str]:
    """Yield the names that a line may mean, the likeliest first."""
    for text in dict.fromkeys((line, line.replace("\\", "/"), os.path.expanduser(line))):
        places = (os.path.join(start, text) for start in (folder, root))
        for name in filter(None, (_inside(folder, place) for place in places)):
            yield name
            suffix = has_suffix(name, suffixes)
            if suffix:
                yield name[: -len(suffix)]


def _inside(folder: str, path: str) -> str:
    """Return a path relative to a folder; empty if it is outside."""
    relative = os.path.relpath(path, folder)
    return "" if _leads_out(relative) else relative


def _leads_out(path: str) -> bool:
    """Return whether a path is none below the folder that it is relative to."""
    return os.path.isabs(path) or os.path.normpath(path).split(os.sep)[0] == os.pardir
