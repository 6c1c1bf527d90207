"""Text in pictures: names in any script, shortened to the room that they have."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..utils import warn

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

FONT = "DejaVu Sans"
"""Comes with matplotlib; has Latin, Greek, Cyrillic, Arabic, Hebrew and many signs."""
DPI = 100
SIZE = 9
"""Points, 12.5 pixels."""

_CJK = ("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO")


class Fonts:
    """Find fonts for characters that matplotlib's own font lacks.

    Args:
        find: returns the files of the installed fonts; called when a character is missing.

    Attributes:
        families: names of the fonts in use; matplotlib takes each character from the first that
            has it.
    """

    def __init__(self, find: Callable[[], Iterable[str]]) -> None:
        self.families = [FONT]
        self._find = find
        self._drawn: dict[str, str] = {}

    def drawable(self, text: str) -> str:
        """Return a text as it can be drawn in one line.

        A character that no font has becomes simpler ones, where Unicode says which, or its number.
        A warning says, once for each character, which font to install.

        >>> FONTS.drawable("Fußgänger\\n\uff12"), FONTS.drawable("\\udcff")
        ('Fußgänger 2', '<U+DCFF>')
        """
        # A letter and its accent may be two characters, as in file names of macOS.
        text = unicodedata.normalize("NFC", text)
        if new := set(text) - self._drawn.keys():
            self._learn(new)
        return "".join(self._drawn[char] for char in text)

    def _learn(self, chars: set[str]) -> None:
        """Decide how new characters are drawn."""
        simpler = {char: unicodedata.normalize("NFKD", char) for char in chars}
        lacking = self._without_font(chars.union(*simpler.values()))
        numbered = set()
        for char, simple in simpler.items():
            if char not in lacking:
                self._drawn[char] = char
            elif not lacking & set(simple):
                self._drawn[char] = simple
            elif unicodedata.category(char) in ("Cc", "Cf"):
                self._drawn[char] = " " if char.isspace() else ""
            else:
                self._drawn[char] = f"<U+{ord(char):04X}>"
                numbered.add(char)
        # Bytes of a file name that are no text are in no font.
        _report({char for char in numbered if unicodedata.category(char) != "Cs"})

    def _without_font(self, chars: set[str]) -> set[str]:
        """Take fonts into use until they have all characters; return those that no font has."""
        from matplotlib import font_manager

        # Some fonts have pictures of control characters.
        hopeless = {char for char in chars if unicodedata.category(char) in ("Cc", "Cs")}
        wanted = chars - hopeless
        own = [font_manager.findfont(name) for name in (FONT, f"{FONT}:bold")]
        missing = set().union(*(wanted - _characters(path, wanted) for path in own))
        if not missing:
            return hopeless
        fonts = {path: _characters(path, missing) for path in self._find()}
        while best := max(fonts, key=lambda path: _rank(path, fonts[path] & missing), default=""):
            if not fonts[best] & missing:
                break
            missing -= fonts.pop(best)
            self.families.append(_registered(best))
        return missing | hopeless


def _installed() -> list[str]:
    from matplotlib import font_manager

    return font_manager.findSystemFonts()


FONTS = Fonts(_installed)


def font(size: float = SIZE, weight: str = "normal") -> FontProperties:
    """Return the fonts in which `Fonts.drawable` texts are drawn."""
    from matplotlib.font_manager import FontProperties

    return FontProperties(family=FONTS.families, size=size, weight=weight)


def text_width(text: str, size: float = SIZE, weight: str = "normal") -> int:
    """Return the width of a text in pixels.

    >>> text_width("MM") > text_width("ii")
    True
    """
    return _drawn_width(FONTS.drawable(text), size, weight)


def fitted_text(text: str, width: int, size: float = SIZE, weight: str = "normal") -> str:
    """Return a drawable text of at most `width` pixels; the middle of a longer one is left out.

    >>> text_width(fitted_text("a_very_long_name_of_a_class_7", 150)) <= 150
    True
    """
    text = FONTS.drawable(text)
    if _drawn_width(text, size, weight) <= width:
        return text
    fitting, longer = 0, len(text)
    while longer - fitting > 1:
        kept = (fitting + longer) // 2
        fits = _drawn_width(_without_middle(text, kept), size, weight) <= width
        fitting, longer = (kept, longer) if fits else (fitting, kept)
    return _without_middle(text, fitting)


def _without_middle(text: str, kept: int) -> str:
    """Return a text with `kept` of its characters and "…" between its two parts."""
    return f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"


@lru_cache(maxsize=4096)
def _drawn_width(text: str, size: float, weight: str) -> int:
    from matplotlib.backends.backend_agg import RendererAgg

    renderer = RendererAgg(1, 1, DPI)
    width, _, _ = renderer.get_text_width_height_descent(text, font(size, weight), ismath=False)
    return round(width)


def _characters(path: str, chars: set[str]) -> set[str]:
    """Return which characters a font file has; none if it cannot be drawn with."""
    from matplotlib.ft2font import FT2Font

    try:
        opened = FT2Font(path)
    # Installed files may be damaged, of other formats or unreadable.
    except (OSError, RuntimeError, ValueError):
        return set()
    # Fonts of coloured pictures have one size.
    return {char for char in chars if opened.get_char_index(ord(char))}


def _registered(path: str) -> str:
    """Let matplotlib use a font file, and return the font's name."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    before = len(manager.ttflist)
    manager.addfont(path)
    # Bold text has the same letters, without a message about each.
    manager.ttflist += [replace(entry, weight=700) for entry in manager.ttflist[before:]]
    # A file may have several fonts; `_characters` reads the first.
    return str(font_manager.get_font(path).family_name)


def _rank(path: str, found: set[str]) -> tuple:
    """Return what makes a font better than others: characters, plain style, order of names."""
    name = Path(path).stem
    return len(found), "Sans" in name, "Regular" in name, "Mono" not in name, path


def _report(chars: set[str]) -> None:
    if not chars:
        return
    names = [unicodedata.name(char, "") for char in chars]
    packages = {f"fonts-noto-{'cjk' if name.startswith(_CJK) else 'core'}" for name in names}
    shown = " ".join(sorted(char for char in chars if char.isprintable()))
    warn(
        f"No installed font has these characters of names: {shown} Pictures show their numbers, "
        f"such as <U+{ord(min(chars)):04X}>. Install a font that has them, on Debian and Ubuntu: "
        f"apt-get install {' '.join(sorted(packages))}"
    )
