"""Installed packages that register something of theirs when this package is imported."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module, metadata

GROUP = "mtl_plugins.plugins"
"""Group of the entry points by which a package names the module that registers."""


@dataclass(frozen=True)
class Plugin:
    """A module that an installed package declares.

    Args:
        package: the package and its version.
        module: what is imported.
        problem: why it could not be; "" where it was.
    """

    package: str
    module: str
    problem: str = ""


found: list[Plugin] = []
"""The plugins of this process, for bug reports."""


def load_plugins() -> list[Plugin]:
    """Import what installed packages declare in the group `mtl_plugins.plugins`.

    One that cannot be imported is told by a warning with its package and error, and ends nothing.
    """
    found.clear()
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.name
        problem = ""
        try:
            import_module(entry.module)
        # Somebody else's module may do anything; some end the process.
        except (Exception, SystemExit) as error:
            problem = f"{type(error).__name__}: {error}"
            warnings.warn(
                f"The plugin {entry.module!r} of {package} cannot be imported and is left out: "
                f"{problem}. Mend or uninstall {package}.",
                stacklevel=2,
            )
        found.append(Plugin(package, entry.module, problem))
    return list(found)
