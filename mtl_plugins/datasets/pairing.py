"""Rules by which a config says where the files of a sample are: folders, patterns, columns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from ..targets import PREDEFINED
from ..utils import did_you_mean
from .ann_table import IMAGE
from .declarations import Declaration
from .files import PathPattern, is_pattern

IMAGE_KEY = "img_path"
"""Key of the image in `data_prefix` and in a sample."""

USUAL = {IMAGE_KEY: (".jpg",)}
"""Suffixes in a config that gives none; those of targets are ".png"."""


@dataclass(frozen=True)
class Pairing:
    """Where the files of each sample are, by the keys of `data_prefix`.

    Args:
        folders: of the image and of each target, relative to the root of the data.
        patterns: of the paths in these folders, if there are patterns.
        columns: key of each column of a list, if there is one with columns, without those of
            targets that are left out.
        suffixes: endings of the files, the likeliest first.
    """

    folders: Mapping[str, str]
    patterns: Mapping[str, PathPattern]
    columns: Mapping[str, str]
    suffixes: Mapping[str, tuple[str, ...]]


def given_folders(
    prefix: Mapping[str, Any], declarations: Mapping[str, Declaration]
) -> dict[str, str]:
    """Return what a config gives as the folder of the image and of each target, by key.

    Args:
        prefix: `data_prefix`; None leaves a target out, as everywhere in a config.
        declarations: of the targets.

    Raises:
        ConfigError: a folder is of no target, is no text, or is given twice.
    """
    folders: dict[str, str] = {}
    for key, folder in prefix.items():
        if folder is not None:
            folders[key] = _expanded(f"data_prefix.{key}", folder)
    for name, declaration in declarations.items():
        if declaration.folder is None:
            continue
        key, folder = (
            declaration.target.path,
            _expanded(f"{declaration.section}.{name}.folder", declaration.folder),
        )
        if folders.setdefault(key, folder) != folder:
            raise ConfigError(
                f"{declaration.section}.{name}.folder={folder!r}, but data_prefix.{key}="
                f"{folders[key]!r}. Leave one of them out."
            )
    keys = {IMAGE_KEY, *(each.target.path for each in declarations.values())}
    for key in prefix:
        if key not in keys:
            raise ConfigError(f"data_prefix has no folder {key!r}. {did_you_mean(key, keys)}")
    return folders


def _expanded(written_as: str, folder: Any) -> str:
    if not isinstance(folder, str):
        raise ConfigError(f"{written_as}={folder!r}; expected a folder, as text.")
    return os.path.expanduser(folder)


def pairing(
    prefix: Mapping[str, Any],
    declarations: Mapping[str, Declaration],
    image_suffixes: tuple[str, ...],
    columns: Sequence[str] = (),
) -> Pairing:
    """Return where a config says that the files of each sample are.

    Args:
        prefix: `data_prefix`.
        declarations: of the targets.
        image_suffixes: endings of the images.
        columns: of the list of samples, if it has columns.

    Raises:
        ConfigError: a target has no place, or one that does not fit those of the others.
    """
    folders = given_folders(prefix, declarations)
    keys = {name: each.target.path for name, each in declarations.items()}
    left_out = {key for key, folder in prefix.items() if folder is None} - {IMAGE_KEY}
    listed = {name: {**keys, IMAGE: IMAGE_KEY}[name] for name in columns}
    listed = {name: key for name, key in listed.items() if key not in left_out}
    for name, key in keys.items():
        if name not in PREDEFINED and key not in folders and name not in columns:
            raise ConfigError(
                f"targets.{name} has no folder{' and no column' if columns else ''}; give the one "
                "of its files, or leave the target out of a data set without it."
            )
        if columns and folders.get(key) and name not in columns:
            raise ConfigError(
                f"{declarations[name].section}.{name} has the folder {folders[key]!r}, but "
                f"ann_file has no column {name!r} that names its files. Add the column, or leave "
                "the folder out."
            )
    suffixes = {each.target.path: each.suffixes for each in declarations.values()}
    suffixes = {IMAGE_KEY: image_suffixes, **suffixes}
    parsed = _parsed(folders, declarations)
    folders.update({key: each.folder for key, each in parsed.items()})
    patterns = {key: each for key, each in parsed.items() if each.fields}
    if patterns and columns:
        raise ConfigError(
            f"{next(iter(patterns.values()))} has no effect, because the columns of ann_file name "
            "the files. Leave the patterns out, or ann_file."
        )
    for key, pattern in patterns.items():
        suffixes[key] = _suffixes(pattern, suffixes[key], USUAL.get(key, (".png",)))
    return Pairing(folders, patterns, listed, suffixes)


def _parsed(
    folders: Mapping[str, str], declarations: Mapping[str, Declaration]
) -> dict[str, PathPattern]:
    """Return all folders as patterns, if one has braces; all have fields, or none."""
    written = {IMAGE_KEY: f"data_prefix.{IMAGE_KEY}"}
    for name, each in declarations.items():
        key = each.target.path
        own = f"{each.section}.{name}.folder"
        written[key] = f"data_prefix.{key}" if each.folder is None else own
    if not any(map(is_pattern, folders.values())):
        return {}
    # An empty folder of a target is none.
    found = {key: PathPattern(written[key], folder) for key, folder in folders.items() if folder}
    images = found.get(IMAGE_KEY, PathPattern(written[IMAGE_KEY], ""))
    for pattern in found.values():
        if bool(pattern.fields) != bool(images.fields):
            one, other = (pattern, images) if pattern.fields else (images, pattern)
            raise ConfigError(
                f"{one} is a pattern, but {other} is a folder; expected patterns for the image and "
                "all of its targets, such as 'rgb/{name}.jpg' and 'depth/{name}.png'."
            )
        if unknown := [name for name in pattern.fields if name not in images.fields]:
            raise ConfigError(
                f"{pattern} has the field {{{unknown[0]}}}, which {images} does not give. "
                f"{did_you_mean(unknown[0], images.fields)} Add it there, or take it out."
            )
    return found


def _suffixes(
    pattern: PathPattern, given: tuple[str, ...], usual: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the endings of files behind the last field of a pattern."""
    if "." not in pattern.tail:
        return tuple(pattern.tail + suffix for suffix in given)
    if given not in (usual, (pattern.tail,)):
        raise ConfigError(
            f"{pattern} ends in {pattern.tail!r}, but the suffix of these files is {given}. Leave "
            "the suffix out, or write the pattern without its ending."
        )
    return (pattern.tail,)
