"""Hooks of MkDocs: pages of the API, and formulas without scripts."""

from __future__ import annotations

import ast
import html
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PACKAGE = Path(__file__).parents[2] / "mtl_plugins"
ELSEWHERE = re.compile(r"""<(script|link|img|iframe)\b[^>]+(src|href)=["']?(\w+:)?//[^"'>]+""")
"""Matches whatever a browser would fetch from another server."""

FLOW = (
    "datasets", "models", "evaluation", "visualization", "config", "engine", "checkpoints",
    "inference", "costs", "data_tools", "report", "studies", "street_scenes", "utils",
)  # fmt: skip
"""The packages in the order of the navigation."""


def public() -> list[str]:
    """List the packages with an `__all__` in the order of `FLOW`, subpackages after parents."""
    files = [file for name in FLOW for file in sorted(PACKAGE.glob(f"{name}/**/__init__.py"))]
    listing = [file for file in files if "\n__all__ = " in file.read_text(encoding="utf-8")]
    return [".".join(file.parent.relative_to(PACKAGE).parts) for file in listing]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the pages of the API to the navigation."""
    pages = [{name: f"api/{name}.md"} for name in ("targets", *public())]
    config.nav.append({"API": [{"mtl_plugins": "api/mtl_plugins.md"}, *pages]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add one page for each package, with everything in its `__all__`."""
    # The package imports its own names only on access, so the page shows them from their homes.
    homes = {
        each: f"mtl_plugins.{name}"
        for name in ("config", "engine", "inference")
        for each in listed(name)
    }
    short = [f"{homes[each]}.{each}" for each in listed("") if each in homes]
    pages = {"mtl_plugins": page("mtl_plugins", short)}
    pages["targets"] = "# mtl_plugins.targets\n\n::: mtl_plugins.targets\n"
    for name in public():
        module = f"mtl_plugins.{name}"
        pages[name] = page(module, [f"{module}.{each}" for each in listed(name)])
    for name, text in pages.items():
        files.append(File.generated(config, f"api/{name}.md", content=text))
    return files


def listed(name: str) -> list[str]:
    """Return the names in the `__all__` of a package, without subpackages."""
    folder = PACKAGE.joinpath(*name.split(".")) if name else PACKAGE
    for node in ast.parse((folder / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return [each for each in ast.literal_eval(node.value) if not (folder / each).is_dir()]
    raise ValueError(f"{folder}/__init__.py has no __all__, which its page lists.")


def page(module: str, names: list[str]) -> str:
    """Write the Markdown of a module's page."""
    folder = PACKAGE.joinpath(*module.split(".")[1:])
    summary = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    return "\n\n".join([f"# {module}", summary or "", *(f"::: {name}" for name in names), ""])


def on_post_page(output: str, page: Page, **_: object) -> str:
    """Refuse a page that makes its reader fetch something from another server."""
    if fetched := ELSEWHERE.search(output):
        raise PluginError(f"{page.file.src_uri} fetches from elsewhere: {fetched[0]}")
    return output


def on_page_content(content: str, **_: object) -> str:
    r"""Turn formulas, `\(...\)` by pymdownx.arithmatex, into MathML.

    >>> on_page_content(r'<span class="arithmatex">\(x_1\)</span>').count('<msub>')
    1
    """
    return re.sub(
        r'<span class="arithmatex">\\\((.*?)\\\)</span>',
        lambda found: convert(html.unescape(found[1])),
        content,
        flags=re.DOTALL,
    )
