"""Import the plugins that installed packages declare."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module, metadata

GROUP = "mtl_plugins.plugins"
"""Group of the entry points with which a package names its plugin module."""


@dataclass(frozen=True)
class Plugin:
    """A plugin module that an installed package declares.

    Args:
        package: the package and its version.
        module: the module that is imported.
        problem: why the import failed; "" if it succeeded.
    """

    package: str
    module: str
    problem: str = ""


found: list[Plugin] = []
"""The plugins of this process, for bug reports."""


def load_plugins() -> list[Plugin]:
    """Import the modules that installed packages declare in the group `mtl_plugins.plugins`.

    If one cannot be imported, a warning names its package and error, and the others are imported.
    """
    found.clear()
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.name
        problem = ""
        try:
            import_module(entry.module)
        # Foreign code may raise anything; some modules end the process.
        except (Exception, SystemExit) as error:
            problem = f"{type(error).__name__}: {error}"
            warnings.warn(
                f"The plugin {entry.module!r} of {package} cannot be imported and is left out: "
                f"{problem}. Repair or uninstall {package}.",
                stacklevel=2,
            )
        found.append(Plugin(package, entry.module, problem))
    return list(found)
