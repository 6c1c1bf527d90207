"""Start your own project that adds a task: `python -m mtl_plugins.new_plugin NAME`.

The project is complete: a target with its file format, a head, a loss, a metric, a config, and
tests that pass at once. It can be anywhere; mtl_plugins itself is not changed.
"""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from .errors import ConfigError, MTLError
from .version import __version__

TEMPLATE = Path(__file__).parent / "plugin_template"
SUFFIX = ".jinja"
CLASSES = ("Format", "Head", "Loss", "Metric")
"""Endings of a project's class names."""


def main() -> None:
    """Write the project and print the next steps."""
    parser = argparse.ArgumentParser(
        prog="python -m mtl_plugins.new_plugin",
        description=__doc__,
        epilog="example:\n  python -m mtl_plugins.new_plugin shading --out ~/projects/shading",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="of task and package: lower-case letters, digits and _")
    parser.add_argument("--out", metavar="DIR", help="the new folder (default: NAME, here)")
    args = parser.parse_args()
    try:
        folder = new_plugin(args.name, args.out or args.name)
    except MTLError as error:
        sys.exit(f"error: {error}")
    print(
        f"{folder} is a project that adds the task {args.name!r}. Next:\n"
        f"  cd {folder}\n"
        f"  python -m pytest                              # passes at once\n"
        f"  pip install --no-build-isolation -e .         # mtl_plugins then finds it by itself\n"
        f"and read README.md: it explains the files and how to train."
    )


def new_plugin(name: str, out: str | Path) -> Path:
    """Write a project for the task `name` into the new folder `out`; return the folder.

    Raises:
        ConfigError: the name is no lower-case identifier, or is taken by an importable module, a
            kind of target or a registered class; or the folder exists.
    """
    # Imported late, so that --help answers at once.
    from jinja2 import Environment, StrictUndefined

    folder = Path(out).expanduser()
    check_name(name)
    if folder.exists():
        raise ConfigError(f"{folder} exists; give a new folder with --out.")
    check_registered(name)
    texts = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    values = dict(name=name, Name=camel_case(name), title=title(name), version=__version__)
    for path in sorted(TEMPLATE.rglob(f"*{SUFFIX}")):
        place = path.relative_to(TEMPLATE).as_posix().removesuffix(SUFFIX).replace("NAME", name)
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        text = texts.from_string(path.read_text(encoding="utf-8")).render(values)
        (folder / place).write_text(text, encoding="utf-8")
    return folder


def check_name(name: str) -> None:
    """Raise a `ConfigError` if `name` cannot be the name of a new package."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,23}", name) or keyword.iskeyword(name):
        raise ConfigError(
            f"The name {name!r} is no identifier in lower case: expected at most 24 letters, "
            "digits and _, such as 'shading'."
        )
    if find_spec(name) is not None:
        raise ConfigError(f"The name {name!r} is that of a module that is there; choose another.")


def check_registered(name: str) -> None:
    """Raise a `ConfigError` if a kind of target or a registered class has this name."""
    from mtl_plugins import register_all

    register_all()
    from .config import registered_types
    from .targets import DENSE_TARGETS, SEVERAL_TASKS

    if name in DENSE_TARGETS or name == SEVERAL_TASKS:
        raise ConfigError(f"{name!r} is a kind of target already; choose another name.")
    taken = {camel_case(name) + end for end in CLASSES} & registered_types().keys()
    if taken:
        raise ConfigError(
            f"The project's {sorted(taken)[0]} would be called as a class that is registered "
            "already; choose another name."
        )


def camel_case(name: str) -> str:
    """Convert a name to the form of class names.

    >>> camel_case("surface_roughness2")
    'SurfaceRoughness2'
    """
    return "".join(part.capitalize() for part in name.split("_"))


def title(name: str) -> str:
    """Convert a name to the beginning of a sentence.

    >>> title("surface_roughness")
    'Surface roughness'
    """
    return name.replace("_", " ").strip().capitalize()


if __name__ == "__main__":
    main()
