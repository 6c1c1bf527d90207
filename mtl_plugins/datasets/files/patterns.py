"""Patterns of paths with fields in braces, by which the files of a sample are found."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from string import Formatter

from ...errors import ConfigError, DataError

Token = tuple[str, str | None]
"""Literal text and the field that follows it, if there is one."""


class PathPattern:
    """A pattern such as `{scene}/rgb/{name}.jpg`, whose fields are parts of names.

    A field is one or more characters without "/"; where several divisions are possible, the first
    field is the longest. A field that comes twice has one value. `{{` and `}}` are braces.

    Args:
        written_as: where the config has it, for messages.
        text: the pattern.

    Attributes:
        folder: the folders before the first one that has a field.
        fields: names of the fields.
        tail: text behind the last field of the file's name, or the ending of a name without fields;
            it is no part of the names below.

    Raises:
        ConfigError: a brace is alone, or a field has no name or a format.

    >>> pattern = PathPattern("img_path", "train/{scene}/rgb/img_{name}.jpg")
    >>> pattern.folder, pattern.tail
    ('train', '.jpg')
    >>> pattern.fields_of("s1/rgb/img_007")
    {'scene': 's1', 'name': '007'}
    >>> PathPattern("folder", "{scene}/depth/{name}_depth.png").fill(dict(scene="s1", name="007"))
    's1/depth/007'
    """

    def __init__(self, written_as: str, text: str) -> None:
        self.written_as, self.text = written_as, text
        parts = [self._tokens(part) for part in os.path.normpath(text).split("/")]
        first = next((i for i, part in enumerate(parts) if _fields(part)), len(parts))
        folder = "/".join(map(_literal, parts[:first]))
        self.folder = folder or text[: text.startswith("/")]
        self._parts = parts[first:]
        self.tail = self._cut_tail() if self._parts else ""
        self.fields = tuple(dict.fromkeys(name for part in self._parts for name in _fields(part)))
        seen = set[str]()
        self._expression = re.compile("/".join(_expression(part, seen) for part in self._parts))

    def __str__(self) -> str:
        return f"{self.written_as}={self.text!r}"

    def _tokens(self, part: str) -> list[Token]:
        try:
            found = [*Formatter().parse(part)]
        except ValueError:
            found = [("", "", "", None)]
        for _, field, spec, conversion in found:
            if field is not None and (not field.isidentifier() or spec or conversion):
                raise ConfigError(
                    f"{self}: {part!r} has a brace that belongs to no field; expected fields such "
                    "as {name} in names of folders and files. A brace itself is {{ or }}."
                )
        return [(literal, field) for literal, field, _, _ in found]

    def _cut_tail(self) -> str:
        name = self._parts[-1]
        if not _fields(name):
            stem, ending = os.path.splitext(_literal(name))
            self._parts[-1] = [(stem, None)]
            return ending
        last = max(i for i, (_, field) in enumerate(name) if field)
        self._parts[-1] = name[: last + 1]
        return _literal(name[last + 1 :])

    def fields_of(self, name: str) -> dict[str, str] | None:
        """Return the fields in a path below the folder, without its tail; None if it fits not."""
        found = self._expression.fullmatch(unicodedata.normalize("NFC", name))
        return found and found.groupdict()

    def fill(self, fields: Mapping[str, str]) -> str:
        """Return the path below the folder, without its tail, of some fields."""
        return "/".join(
            "".join(literal + fields.get(field or "", "") for literal, field in part)
            for part in self._parts
        )

    def files(self, folder: str) -> list[str]:
        """Return all files in the folders that the pattern describes, each listed once.

        Args:
            folder: where this pattern's `folder` is.
        """
        places = self._places(folder)[-1]
        return [
            os.path.join(place, entry.name) for place in places for entry in _entries(place, False)
        ]

    def first_unmatched(self, folder: str) -> str:
        """Describe which part of the pattern fits nothing, and what is there instead."""
        levels = self._places(folder)
        depth = next((i for i, level in enumerate(levels) if not level), len(levels))
        part = os.path.normpath(self.text).split("/")[depth - 1 - len(self._parts)]
        kind = "folder" if depth < len(self._parts) else "file"
        held = {place: _entries(place, kind == "folder") for place in levels[depth - 1]}
        place = max(held, key=lambda each: len(held[each]))
        names = [entry.name for entry in held[place]]
        holds = f", but {', '.join(names[:3])}{', ...' * (len(names) > 3)}" if names else ""
        return f"{place or os.curdir} has no {kind} that fits {part!r}{holds}"

    def _places(self, folder: str) -> list[list[str]]:
        """Return the folders that fit the pattern so far, for each of its folders from the top."""
        levels = [[folder] if os.path.isdir(folder or os.curdir) else []]
        for part in self._parts[:-1]:
            fits = re.compile(_expression(part, set())).fullmatch
            levels.append(
                [
                    os.path.join(place, entry.name)
                    for place in levels[-1]
                    for entry in _entries(place, True)
                    if fits(unicodedata.normalize("NFC", entry.name))
                ]
            )
        return levels


def is_pattern(text: str) -> bool:
    """Return whether a text has braces."""
    return "{" in text or "}" in text


def _entries(folder: str, folders: bool) -> list[os.DirEntry[str]]:
    """Return the files in a folder, or the folders that are not hidden, sorted."""
    try:
        with os.scandir(folder or os.curdir) as entries:
            found = [e for e in entries if e.is_dir() == folders]
    except OSError as error:
        raise DataError(f"{folder} cannot be listed: {error.strerror}.") from error
    visible = [e for e in found if not (folders and e.name.startswith("."))]
    return sorted(visible, key=lambda entry: entry.name)


def _fields(part: list[Token]) -> list[str]:
    return [field for _, field in part if field]


def _literal(part: list[Token]) -> str:
    return "".join(literal for literal, _ in part)


def _expression(part: list[Token], seen: set[str]) -> str:
    """Return the regular expression of a name; a field in `seen` is a reference to it."""
    text = ""
    for literal, field in part:
        text += re.escape(unicodedata.normalize("NFC", literal))
        if field:
            text += f"(?P={field})" if field in seen else f"(?P<{field}>[^/]+)"
            seen.add(field)
    return text
