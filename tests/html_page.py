"""Parse HTML into a tree; fail where an element is not closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "br", "hr"}


@dataclass
class Element:
    """An element with its attributes and its content."""

    tag: str
    attributes: dict[str, str]
    inside: list[Element | str] = field(default_factory=list)

    def find(self, tag: str = "", **attributes: str) -> Iterator[Element]:
        """Yield the inner elements with a tag and attributes (`data_run` means data-run)."""
        wanted = {key.strip("_").replace("_", "-"): value for key, value in attributes.items()}
        for child in self.inside:
            if isinstance(child, Element):
                found = all(child.attributes.get(key) == value for key, value in wanted.items())
                if tag in ("", child.tag) and found:
                    yield child
                yield from child.find(tag, **attributes)

    @property
    def text(self) -> str:
        """All text inside, with single blanks."""
        parts = (c if isinstance(c, str) else c.text for c in self.inside)
        return " ".join(" ".join(parts).split())


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def parse_html(text: str) -> Element:
    """Parse a page and return its root."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    assert len(parser.open) == 1, f"<{parser.open[-1].tag}> is not closed"
    return parser.open[0]
