"""The stacks of versions that the project is tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtl_plugins.errors import ConfigError
from mtl_plugins.utils import did_you_mean

CORE = "balancing,logging,data,sweep,dev"
EXTRAS = f"{CORE},export"
"""Extras of setup.py beside the family's: with them no test is skipped for a missing package."""

TESTED_TORCH = ("torch==2.13.0", "torchvision==0.28.0")


@dataclass(frozen=True)
class Stack:
    """A Python, and the packages that are installed beside the project.

    Args:
        name: its name on the command line and in the table.
        python: version of Python, such as 3.11.
        family: extra of setup.py with the mm* packages.
        requirements: requirements beyond those of setup.py, or `-r FILE`.
        extras: extras of setup.py beside the family's.
        lowest: install the oldest version that setup.py allows of each package that it names.
    """

    name: str
    python: str
    family: str = "openmmlab"
    requirements: tuple[str, ...] = ()
    extras: str = EXTRAS
    lowest: bool = False

    def install_arguments(self) -> list[str]:
        """Return the arguments of `uv pip install`.

        >>> Stack("old", "3.10", lowest=True).install_arguments()[1:3]
        ['--resolution', 'lowest-direct']
        """
        resolution = ["--resolution", "lowest-direct"] if self.lowest else []
        # Compiled once: processes that tests start (with -B) would compile everything again.
        project = f".[{self.family},{self.extras}]"
        return ["--compile-bytecode", *resolution, "-e", project, *self.requirements]


STACKS = {
    stack.name: stack
    for stack in (
        Stack("openmmlab", "3.11", requirements=("-r", "requirements.txt")),
        Stack("onedl", "3.11", family="onedl", requirements=TESTED_TORCH),
        Stack("lower-bounds", "3.10", lowest=True),
        Stack("lower-core", "3.10", extras=CORE, lowest=True),  # export needs a later torch
        Stack("py310", "3.10"),
        Stack("py312", "3.12", requirements=("torch==2.11.0", "torchvision==0.26.0")),
        Stack("py313", "3.13"),
    )
}
"""Packages that a stack does not name have the newest version that setup.py allows."""


def chosen_stacks(names: Sequence[str]) -> list[Stack]:
    """Return the stacks of the given names; all stacks if no name is given.

    Raises:
        ConfigError: there is no stack of that name.

    >>> [stack.python for stack in chosen_stacks(["onedl", "py313"])]
    ['3.11', '3.13']
    """
    for name in names:
        if name not in STACKS:
            raise ConfigError(f"There is no stack {name!r}. {did_you_mean(name, STACKS)}")
    return [STACKS[name] for name in names or STACKS]
