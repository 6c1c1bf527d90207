"""An extension of Griffe that shows the examples of docstrings as code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)


class Doctests(Extension):
    """Fence doctests, because Markdown reads `>>>` as nested quotations."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Fence the examples of an object's docstring."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """Return a docstring whose examples are fenced code.

    >>> fenced("Add one.\\n\\n>>> 1 + 1\\n2\\n")
    'Add one.\\n\\n```pycon\\n>>> 1 + 1\\n2\\n```\\n'
    """
    return EXAMPLE.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", text)
