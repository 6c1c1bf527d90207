"""Text in any script: fonts are found, and what no font has is spelled out."""

from __future__ import annotations

import unicodedata

import matplotlib
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from mtl_plugins.targets import Target
from mtl_plugins.visualization import SheetSample, TaskMaps, draw_panel, draw_sample, draw_sheet
from mtl_plugins.visualization import text as text_module
from mtl_plugins.visualization.canvas import Canvas
from mtl_plugins.visualization.text import Fonts, fitted_text, text_width

PERSON = "\u4eba"
SCRIPTS = dict(
    chinese="\u884c\u4eba",
    japanese="\u6b69\u884c\u8005\u306e\u30c9\u30a2",
    korean="\ubcf4\ud589\uc790",
    arabic="\u0645\u0634\u0627\u0629",
    hebrew="\u05d4\u05d5\u05dc\u05da",
    hindi="\u092a\u0948\u0926\u0932",
    cyrillic="\u043f\u0435\u0448\u0435\u0445\u043e\u0434",
    greek="\u03c0\u03b5\u03b6\u03cc\u03c2",
    accents="Fu\u00dfg\u00e4nger \u017d\u0159\u016f",
    emoji="\U0001f6b6\u200d\u2642\ufe0f",
    bytes="caf\udce9",
)


@pytest.fixture
def font_file(tmp_path):
    """A font with one character, the letter for a person as a filled square."""
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "person"])
    builder.setupCharacterMap({ord(PERSON): "person"})
    pen = TTGlyphPen(None)
    for step, corner in enumerate([(0, 0), (0, 800), (900, 800), (900, 0)]):
        (pen.lineTo if step else pen.moveTo)(corner)
    pen.closePath()
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "person": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "person": (1000, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable(dict(familyName="One Square", styleName="Regular"))
    builder.setupOS2()
    builder.setupPost()
    path = tmp_path / "square.ttf"
    builder.save(path)
    return str(path)


def use(monkeypatch, *paths):
    """Let pictures know only matplotlib's own fonts and these files."""
    fonts = Fonts(lambda: paths)
    monkeypatch.setattr(text_module, "FONTS", fonts)
    text_module._drawn_width.cache_clear()
    return fonts


@pytest.fixture
def warned(capsys):
    """Return the warnings since the last call."""
    return lambda: [line for line in capsys.readouterr().out.splitlines() if "WARNING" in line]


def ink(text, size=9.0, weight="normal"):
    """Draw a line of text; True where it is dark."""
    canvas = Canvas(300, 40)
    canvas.text(10, 10, text, 280, size=size, weight=weight)
    return canvas.to_array().min(axis=-1) < 128


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_a_character_is_drawn_with_the_font_that_has_it(monkeypatch, font_file, warned, weight):
    fonts = use(monkeypatch, "/no/such/font.ttf", font_file)
    assert fonts.drawable(f"a {PERSON}") == f"a {PERSON}"
    assert fonts.families == ["DejaVu Sans", "One Square"]
    drawn = ink(PERSON, weight=weight)
    # 0.9 by 0.8 of 12.5 pixels, and nothing but that.
    assert 80 <= drawn.sum() <= 130
    rows, columns = np.nonzero(drawn)
    assert drawn[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()
    assert text_width(PERSON) == pytest.approx(12.5, abs=1.5)
    assert warned() == []


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_a_character_without_a_font_is_spelled_out_and_the_warning_names_a_package(
    monkeypatch, warned, weight
):
    use(monkeypatch)
    drawn = ink(f"{PERSON}{PERSON} 1", weight=weight)
    assert (drawn == ink("<U+4EBA><U+4EBA> 1", weight=weight)).all()
    # The box of a missing glyph.
    canvas = Canvas(300, 40)
    canvas.figure.text(0.05, 0.5, PERSON, fontfamily="DejaVu Sans", fontsize=9)
    with pytest.warns(UserWarning, match="missing from font"):
        box = canvas.to_array().min(axis=-1) < 128
    assert drawn.sum() > 3 * box.sum() > 0
    (warning,) = warned()
    assert PERSON in warning and "<U+4EBA>" in warning and "fonts-noto-cjk" in warning
    ink(PERSON)
    assert warned() == [], "each character is reported once"


def test_other_scripts_need_another_package(monkeypatch, warned):
    fonts = use(monkeypatch)
    fonts.drawable(SCRIPTS["hindi"])
    (warning,) = warned()
    assert "fonts-noto-core" in warning and "fonts-noto-cjk" not in warning


def test_matplotlibs_own_font_has_most_alphabets(monkeypatch, warned):
    fonts = use(monkeypatch)
    for script in ("arabic", "hebrew", "cyrillic", "greek", "accents"):
        assert fonts.drawable(SCRIPTS[script]) == SCRIPTS[script], script
    decomposed = unicodedata.normalize("NFD", SCRIPTS["accents"])
    assert fonts.drawable(decomposed) == SCRIPTS["accents"]
    assert fonts.families == ["DejaVu Sans"] and warned() == []


def test_simpler_characters_replace_those_without_a_font(monkeypatch, warned):
    fonts = use(monkeypatch)
    assert fonts.drawable("\uff21\uff11 \u3300") == "A1 <U+3300>"
    assert fonts.drawable("one\ntwo\tthree\x07") == "one two three"
    assert fonts.drawable("caf\udce9") == "caf<U+DCE9>"
    assert len(warned()) == 1, "bytes that are no text are in no package"


def test_the_font_with_the_most_characters_is_taken(monkeypatch, font_file):
    """Of fonts with equal characters, one is taken, always the same."""
    own = matplotlib.get_data_path() + "/fonts/ttf/"
    for paths in ([font_file, own + "cmr10.ttf"], [own + "cmr10.ttf", font_file]):
        fonts = use(monkeypatch, *paths)
        assert fonts.drawable(PERSON) == PERSON
        assert fonts.families[1:] == ["One Square"]


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("name", SCRIPTS.values(), ids=SCRIPTS)
def test_names_in_any_script_are_drawn(name):
    """With the fonts of this machine, whichever they are; a missing glyph would be a warning."""
    labels = np.zeros((8, 16), int)
    key = f"\u8f66_{name[:1]}" if name[:1].isidentifier() else "lanes"
    target = Target(key, "classes", classes=(name, f"{name} 2"))
    maps = TaskMaps(target, labels, labels)
    image = np.zeros((8, 16, 3), np.uint8)
    for picture in (
        draw_panel(image, [maps], title=name),
        draw_panel(image, [TaskMaps(target, labels)], title=name),
        draw_sample(image, [TaskMaps(target, truth=labels)], title=name),
        draw_sheet(
            [SheetSample(f"{name}.png", image, {key: labels}, [f"{name}?"])], [target], name
        ),
    ):
        assert (picture.min(axis=-1) < 100).any()


@pytest.mark.parametrize("width", [60, 150, 400])
def test_long_text_is_shortened_in_its_middle(width):
    text = f"name of class {'x' * 50} 17"
    for weight in ("normal", "bold"):
        short = fitted_text(text, width, weight=weight)
        assert text_width(short, weight=weight) <= width
        head, tail = short.split("…")
        assert text.startswith(head) and text.endswith(tail) and 0 <= len(head) - len(tail) <= 1
        # As much as there is room for.
        longer = f"{text[: len(head) + 1]}…{tail}"
        assert text_width(longer, weight=weight) > width - 3
    assert fitted_text("short", width) == "short"
    assert fitted_text("abc", 0) == "…"


def test_the_width_is_that_of_the_drawn_text():
    columns = np.nonzero(ink("mmmmm", weight="bold").any(axis=0))[0]
    assert np.ptp(columns) == pytest.approx(text_width("mmmmm", weight="bold"), abs=3)


def test_text_stays_in_its_width():
    canvas = Canvas(200, 30)
    canvas.text(20, 5, "W" * 90, 100)
    columns = np.nonzero((canvas.to_array() < 250).any(axis=(0, 2)))[0]
    assert columns.min() >= 19 and columns.max() <= 121
