"""The site quotes existing messages, names existing files, and needs no network."""

from __future__ import annotations

import ast
import glob
import os
import re
import sys
from functools import lru_cache
from types import SimpleNamespace

import pytest
import yaml
from mmseg.registry import DATASETS, MODELS

import mtl_plugins
from mtl_plugins.errors import DataError
from tests.conftest import ROOT
from tests.test_floors import FLOORS, LEVEL, imports, room_of, target

DOCS = os.path.join(ROOT, "docs")
README = os.path.join(ROOT, "README.md")
PLACE = "\0"
"""Replaces a value in a message."""


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def literal(node):
    """Return a string expression with `PLACE` for its values."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=parts):
            return "".join(literal(part) or PLACE for part in parts)
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            return (literal(left) or PLACE) + (literal(right) or PLACE)
    return None


@lru_cache
def messages():
    """Collect every string of the package that could be a message."""
    found = set()
    paths = (os.path.join(ROOT, folder, "**", "*.py") for folder in ("mtl_plugins", "tools"))
    for path in (file for each in paths for file in glob.glob(each, recursive=True)):
        nodes = [*ast.walk(ast.parse(text_of(path)))]
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        texts = [literal(node) for node in nodes if id(node) not in docstrings]
        found |= {text.replace("`", "") for text in texts if text}
    return found


def is_said(quoted):
    parts = [re.escape(part.strip()) for part in quoted.split("...") if part.strip()]
    pattern = re.compile(r"\s*[^\n]{0,80}?\s*".join(parts), re.DOTALL)
    return any(pattern.search(message) for message in messages())


QUOTED = re.findall(
    r"^\| `([^`]+)` \|",
    text_of("docs", "troubleshooting.md").partition("## Messages of others")[0],
    re.MULTILINE,
)


def test_quoted_messages_are_those_of_the_package():
    assert len(QUOTED) > 50
    assert [quoted for quoted in QUOTED if not is_said(quoted)] == []
    assert not is_said("The image folder ... is on fire") and not is_said("is not registred.")


def classes():
    """Return the names of all classes of the package."""
    paths = glob.glob(os.path.join(ROOT, "mtl_plugins", "**", "*.py"), recursive=True)
    return {name for path in paths for name in re.findall(r"^class (\w+)", text_of(path), re.M)}


def test_systems_name_configs_and_types_that_exist():
    text = text_of("docs", "systems.md")
    numbers = [int(n) for n in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]
    assert numbers == list(range(1, 25))
    codes = re.findall(r"`([^`]+)`", text)
    paths = [code for code in codes if re.fullmatch(r"[a-z_0-9]+/[a-z_0-9]+", code)]
    folders = {*os.listdir(os.path.join(ROOT, "configs"))}
    configs = [path for path in paths if path.split("/")[0] in folders]
    assert len(configs) > 15
    for path in configs:
        assert os.path.isfile(os.path.join(ROOT, "configs", f"{path}.py")), path
    types = {name for code in codes for name in re.findall(r"\b[A-Z]\w+[a-z]\w*(?=\(|$)", code)}
    assert len(types) > 20 and types - {"True", "False"} <= classes()


@pytest.mark.parametrize("page", ["architecture", "concepts", "design"])
def test_files_named_in_a_page_exist(page):
    """Of a path with a <name> the folder exists."""
    roots = (ROOT, os.path.join(ROOT, "mtl_plugins"))
    tops = {name for root in roots for name in os.listdir(root)}
    codes = re.findall(r"`([\w./<> ]+)`", text_of("docs", f"{page}.md"))
    words = {word for code in codes for word in code.split() if "/" in word}
    named = {re.sub(r"[^/]*<.*", "", word) for word in words}
    paths = {path for path in named if path.endswith(".py") or path.split("/")[0] in tops}
    assert len(paths) > dict(architecture=80, concepts=5, design=20)[page]
    found = {path for path in paths for root in roots if os.path.exists(os.path.join(root, path))}
    assert paths - found == set()


def test_the_page_about_the_architecture_lists_the_rooms_and_what_they_import():
    text = text_of("docs", "architecture.md").partition("## A training batch")[0]
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", text, re.MULTILINE)
    listed = {room: {*re.findall(r"`(\w+)`", names)} for room, names in rows}
    order = [room for rooms in FLOORS for room in rooms if room in listed]
    unlisted = {"", "info", "version"}
    assert [*listed] == order and {*LEVEL} - {*listed} == unlisted
    found: dict[str, set[str]] = {room: set() for room in listed}
    for importer, module, name in imports():
        room, other = room_of(importer), room_of(target(module, name))
        if importer.startswith("mtl_plugins") and room in found and other != room:
            found[room].add(other)
    assert {room: names - unlisted for room, names in found.items()} == listed
    drawn = text_of("docs", "images", "architecture.svg").partition("</title>")[0]
    assert all(room in drawn for room in listed)


def test_links_and_code_of_the_readme_work(monkeypatch, tmp_path):
    """Its links have targets, with headings if they name one; its model and data set build."""
    text = text_of("README.md")
    for path, anchor in re.findall(r"\]\((?!http)([^)#]+)#?([^)]*)\)", text):
        assert os.path.exists(os.path.join(ROOT, path)), path
        headings = re.findall(r"^#+ (.*)$", text_of(path), re.MULTILINE) if anchor else []
        assert not anchor or anchor in [h.lower().replace(" ", "-") for h in headings]
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict = {}
    for block in blocks[:2]:
        exec(block, names)
    assert [*MODELS.build(names["model"]).decode_head.task_heads] == ["semseg", "depth"]
    monkeypatch.chdir(tmp_path)  # the tutorial makes this data set
    with pytest.raises(DataError, match="rgb/train does not exist"):
        DATASETS.build(names["dataset"])
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert citation["version"] == mtl_plugins.__version__


def test_options_of_commands_in_the_docs_exist():
    for page in (README, *glob.glob(os.path.join(DOCS, "**", "*.md"), recursive=True)):
        for block in re.findall(r"```sh\n(.*?)```", text_of(page), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                _, _, arguments = line.partition(" tools/")
                if not arguments:
                    continue
                tool = arguments.split()[0]
                known = text_of("tools", tool) + text_of("tools", "arguments.py")
                if tool == "predict.py":  # which adds an option for each kind of output
                    known += text_of("mtl_plugins", "inference", "kinds.py")
                for option in re.findall(r"(?<= )--[a-z][\w-]*", arguments.partition("#")[0]):
                    name = option.removeprefix("--").replace("-", "_")
                    assert f'"{option}"' in known or f'"{name}"' in known, f"{page}: {line}"


@pytest.fixture
def hooks(monkeypatch):
    pytest.importorskip("mkdocs")
    monkeypatch.syspath_prepend(os.path.join(DOCS, "hooks"))
    import doctests
    import pages

    yield pages, doctests
    for name in ("pages", "doctests"):
        sys.modules.pop(name)


def test_there_is_a_page_for_everything_public(hooks):
    pages, doctests = hooks
    assert {"models.task_heads", "engine", "studies.ladder"} < {*pages.public()}
    assert pages.public()[:2] == ["datasets", "datasets.catalog"]
    assert "DepthHead" in pages.listed("models.task_heads")
    assert "task_heads" not in pages.listed("models")
    assert "::: mtl_plugins.models.task_heads.DepthHead" in pages.page(
        "mtl_plugins.models.task_heads", ["mtl_plugins.models.task_heads.DepthHead"]
    )
    formula = r'<span class="arithmatex">\(x_1 &lt; \frac{1}{2}\)</span>'
    content = pages.on_page_content(formula)
    assert content.count("<mfrac>") == 1 and "\\" not in content
    assert doctests.fenced("One.\n\n>>> 1 + 1\n2\n\nTwo.") == (
        "One.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nTwo."
    )


def test_nothing_is_fetched_by_a_reader(hooks):
    page = SimpleNamespace(file=SimpleNamespace(src_uri="index.md"))
    here = '<a href="https://a.b/c"></a><script src="assets/x.js"></script>'
    assert hooks[0].on_post_page(here, page) == here
    for elsewhere in ('<script src="https://a.b/x.js">', '<link rel="x" href="//a.b/x.css">'):
        with pytest.raises(hooks[0].PluginError, match=r"index\.md fetches from elsewhere"):
            hooks[0].on_post_page(elsewhere, page)
    config = re.sub(r"!ENV|!!python/\S+", "", text_of("mkdocs.yml"))
    site = yaml.safe_load(config)
    assert site["theme"]["font"] is False and site["strict"] is True
    assert not {"extra_javascript", "repo_url"} & {*site}
    for page in glob.glob(os.path.join(DOCS, "**", "*.md"), recursive=True):
        assert not re.search(r"!\[[^]]*\]\(https?:|<(img|script|iframe)", text_of(page)), page
    assert "http" not in text_of("docs", "site.css")
