"""Lists of samples with columns: the image, and each target by its name."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import takewhile

from ..errors import DataError
from ..utils import did_you_mean, parse_json, shown
from .ann_file import list_text

IMAGE = "image"
"""Name of the column of images."""

SEPARATORS = ("\t", ";", ",")
"""Characters between columns; the first one in the header counts. Else they are blanks."""

TABLES = (".csv", ".tsv", ".jsonl")
"""Endings of files with columns, where a column of images is expected."""

JSON_OBJECT = re.compile(r'\s*\{\s*"')
"""Beginning of a list of JSON objects."""

JSON_ARRAY = re.compile(r'\s*\[\s*\{\s*"')


def table_columns(path: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the columns of a list of samples; () if it is a list of names.

    A list has columns if its first line names them, among them `image`, or if it consists of JSON
    objects, one a line. In a file that does not end in .csv or .tsv, all must look like names of
    targets, because an image may be called "image 1".

    Args:
        path: of the list.
        known: names of the targets.

    Raises:
        DataError: a column names no target or comes twice, or there is none of images; or the list
            is a JSON array.
    """
    text = list_text(path)
    if JSON_ARRAY.match(text):
        raise DataError(
            f"ann_file {path} is a JSON array; expected one JSON object a line, as pandas writes "
            "with to_json(orient='records', lines=True)."
        )
    if JSON_OBJECT.match(text):
        columns = [*dict.fromkeys(key for _, row in _objects(path, text) for key in row)]
    else:
        columns = _header(path, text)
        surely = os.path.splitext(path)[1].lower() in TABLES
        named = all(name.isidentifier() for name in columns) and len(columns) > 1
        if not (surely or named) or (IMAGE not in columns and not (surely and len(columns) > 1)):
            return ()
    listed = ", ".join(map(repr, columns))
    if IMAGE not in columns:
        raise DataError(
            f"ann_file {path} has the columns {listed}; expected {IMAGE!r} and names of targets. "
            f"Name them in its first line."
        )
    for name, count in Counter(columns).items():
        if not name:
            problem = "one without a name. Remove it (pandas: to_csv(index=False)), or name it"
        elif count > 1:
            problem = f"{name!r} twice. Remove one"
        elif name != IMAGE and name not in known:
            problem = (
                f"{name!r}, which is no target of the data set. {did_you_mean(name, known)} "
                "Remove the column, or declare the target in targets"
            )
        else:
            continue
        raise DataError(f"ann_file {path} has the columns {listed}: {problem}.")
    return tuple(columns)


def table_samples(
    path: str, columns: Mapping[str, str], folders: Mapping[str, str]
) -> list[tuple[int, dict[str, str]]]:
    """Return the samples of a list with columns: number of the line, paths; an empty cell has none.

    Args:
        path: of the list.
        columns: key of each column that is read.
        folders: folder that the paths of each key are relative to.

    Raises:
        DataError: the list has no sample, or a line names no image or has another number of cells
            than the header.
    """
    text, samples = list_text(path), list[tuple[int, dict[str, str]]]()
    is_json = JSON_OBJECT.match(text)
    for line, row in _objects(path, text) if is_json else _named_cells(path, text):
        if not row.get(IMAGE):
            raise DataError(f"ann_file {path} names no image in line {line}. Remove the line.")
        paths = {
            key: os.path.join(folders[key], _as_path(row[name]))
            for name, key in columns.items()
            if row.get(name)
        }
        samples.append((line, paths))
    if not samples:
        raise DataError(f"ann_file {path} lists no image.")
    return samples


def _as_path(cell: str) -> str:
    """Return the path in a cell of a list, which may come from Windows."""
    return os.path.expanduser(cell if "/" in cell else cell.replace("\\", "/"))


def _header(path: str, text: str) -> list[str]:
    return next((cells for _, cells in _cells(path, text)), [])


def _named_cells(path: str, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line after the header and its cells by column."""
    lines = _cells(path, text)
    _, columns = next(lines)
    for line, cells in lines:
        if len(cells) != len(columns):
            raise DataError(
                f"ann_file {path} has {len(cells)} cells in line {line} "
                f"({shown(' '.join(cells)[:80])}), but {len(columns)} columns. Separate the cells "
                "by commas or tabs where they are empty or have blanks."
            )
        yield line, dict(zip(columns, cells, strict=True))


def _cells(path: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not blank, from the header on.

    Comments above the header begin with "#".
    """
    lines = text.split("\n")
    above = sum(1 for _ in takewhile(lambda line: line.strip()[:1] in ("", "#"), lines))
    header = "".join(lines[above : above + 1])
    separator = next((each for each in SEPARATORS if each in header), None)
    one = len(header.split()) == 1
    if separator is None:
        for number, line in enumerate(lines[above:], start=above + 1):
            if line.strip():
                yield number, [line.strip()] if one else line.split()
        return
    rows = io.StringIO("\n".join(lines[above:]))
    reader = csv.reader(rows, delimiter=separator, skipinitialspace=True)
    try:
        for cells in reader:
            if cells:
                yield above + reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise DataError(f"ann_file {path} cannot be read: {error}. Save it anew as CSV.") from error


def _objects(path: str, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line that is not blank and its JSON object."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row, reason = parse_json(line), ""
        except ValueError as error:
            row, reason = None, f" ({error})"
        values = row.values() if isinstance(row, dict) else [0]
        if not all(value is None or isinstance(value, str) for value in values):
            raise DataError(
                f"ann_file {path} has in line {number} no JSON object of paths{reason}: "
                f'{shown(line[:80])}. Expected {{"{IMAGE}": "...", "<target>": "..." or null}}.'
            )
        yield number, {name: (value or "").strip() for name, value in row.items()}
