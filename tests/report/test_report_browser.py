"""The report in a real browser: window sizes, colours, and all interaction."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.report import write_page
from tests.chromium import PROGRAM, Chromium
from tests.report.report_runs import NASTY, nasty_run, write_many, write_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="needs Debian's package chromium"),
]

CURVES = (
    "document.querySelectorAll("
    "'[data-chart=training] .plot path[fill=none][stroke^=\"var(--run\"]').length"
)
TIP = "[...document.querySelectorAll('{} .tip')].map(t => t.innerText)[0]"
CHART_TIP, MATRIX_TIP = TIP.format("[data-chart=training]"), TIP.format(".matrix")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Chromium(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    metrics = {"semseg/mIoU": 50.0, "depth/si_log_rmse": 30.0, "depth/rmse": 4.0}
    better = {name: value * 1.1 for name, value in metrics.items()}
    runs = [
        write_run(folder / "first", metrics, images=("one", "two")),
        write_run(folder / "a_long_name_that_must_not_widen_the_page", better, depth=20.0),
        nasty_run(folder / "<i>nasty"),
    ]
    write_page(runs, str(folder / "report.html"))
    return folder / "report.html"


def center(browser, selector):
    """Scroll an element into view and return the position of its centre."""
    place = (
        f"(() => {{ const e = document.querySelector({selector!r});"
        "e.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const b = e.getBoundingClientRect();"
        "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    return browser.evaluate(place)


@pytest.mark.parametrize("width", [360, 390, 1400, 1920])
@pytest.mark.parametrize("dark", [False, True])
def test_fits_every_window_in_light_and_dark(browser, report, width, dark, tmp_path):
    browser.problems.clear()
    browser.open(report, width, dark)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    # Loss and mIoU of three runs; SI-logRMSE, which the third run lacks.
    assert browser.evaluate(CURVES) == 3 + 3 + 2
    cells = "document.querySelectorAll('.matrix path[fill=\"var(--right)\"]').length"
    assert browser.evaluate(cells) == 3 * 2
    pictures = "[...document.querySelectorAll('#gallery img')].filter(i => !i.naturalWidth).length"
    assert browser.evaluate(pictures) == 0
    browser.screenshot(tmp_path / "page.png")
    picture = np.array(Image.open(io.BytesIO((tmp_path / "page.png").read_bytes())).convert("L"))
    assert (np.median(picture) < 60) == dark and picture.std() > 5
    # No error, no message on the console, no request to the network.
    assert browser.problems == []
    assert browser.evaluate("typeof hacked") == "undefined"


@pytest.mark.parametrize(("width", "dark"), [(400, False), (400, True), (1300, True)])
def test_many_targets_fit(browser, tmp_path, width, dark):
    page = tmp_path / "many.html"
    write_page([write_many(tmp_path / "a"), write_many(tmp_path / "b", seed=1)], str(page))
    browser.problems.clear()
    browser.open(page, width, dark)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    drawn = "[...document.querySelectorAll('{}')].filter(e => e.querySelector('svg')).length"
    assert browser.evaluate(drawn.format("[data-chart^=distance] .plot")) == 2
    assert browser.evaluate(drawn.format(".matrix .plot")) == 2 * 4
    wheel = "document.querySelector('.wheel img').getBoundingClientRect().width"
    assert 50 < browser.evaluate(wheel) < 80
    assert browser.problems == []


def test_legends_show_and_hide_quantities_and_runs(browser, report):
    browser.open(report, 1400)
    before = browser.evaluate(CURVES)
    quantity = '[data-chart=training] [data-quantity="depth/rmse"]'
    browser.evaluate(f"document.querySelector('{quantity}').click()")
    assert browser.evaluate(CURVES) == before + 2
    toggle = "document.querySelector('[data-chart=training] [data-toggle=\"1\"]')"
    browser.evaluate(f"{toggle}.click()")
    assert browser.evaluate(CURVES) == before + 2 - 4
    shown = (
        "[...document.querySelectorAll('main [data-run=\"1\"]')].filter(e => e.offsetParent).length"
    )
    assert browser.evaluate(shown) == 0
    pressed = "[...document.querySelectorAll('[data-toggle=\"1\"]')].map(b => b.ariaPressed)"
    assert set(browser.evaluate(pressed)) == {"false"}
    browser.evaluate(f"{toggle}.click()")
    assert browser.evaluate(CURVES) == before + 2 and browser.evaluate(shown) > 20
    browser.evaluate("document.querySelectorAll('nav [data-toggle]').forEach(b => b.click())")
    assert browser.evaluate(CURVES) == 0
    browser.evaluate("document.querySelector('[data-chart=training] .plot').focus()")
    browser.press("ArrowRight")
    assert browser.problems == []


def test_cursor_shows_values_by_mouse_and_by_keys(browser, report):
    browser.open(report, 1400)
    x, y = center(browser, "[data-chart=training] .plot")
    browser.point(x, y - 100)  # the middle is the gap between the two panes
    assert browser.evaluate(CHART_TIP).startswith("epoch 1\n")
    assert "first · loss\n0.4" in browser.evaluate(CHART_TIP)
    assert "first · semseg/mIoU\n25" in browser.evaluate(CHART_TIP)
    browser.evaluate("document.querySelector('[data-chart=training] .plot').focus()")
    browser.press("ArrowRight")
    assert browser.evaluate(CHART_TIP).startswith("epoch 1.5\n")
    # The metrics of epoch 1 are not those of epoch 1.5.
    assert "mIoU" not in browser.evaluate(CHART_TIP)
    browser.press("ArrowRight")
    assert browser.evaluate(CHART_TIP).startswith("epoch 2\n")
    # The distances 2 and 20 on a logarithmic axis.
    browser.evaluate("document.querySelector('[data-chart=distance-depth] .plot').focus()")
    for _ in range(2):
        browser.press("ArrowRight")
    text = browser.evaluate(TIP.format("[data-chart=distance-depth]"))
    assert text.startswith("true distance (m) 20\n") and "first · relative error\n0.4" in text


def test_matrix_shows_values_by_mouse_and_by_keys(browser, report):
    browser.open(report, 1400)
    browser.point(*center(browser, '.matrix path[fill="var(--wrong)"]'))
    text = browser.evaluate(MATRIX_TIP)
    assert text.split("\n") == ["25.0 % · 2 pixels", "truth road", "prediction sky"]
    browser.evaluate("document.querySelector('.matrix .plot').focus()")
    browser.press("ArrowDown")
    text = browser.evaluate(MATRIX_TIP)
    assert text.split("\n") == ["100.0 % · 4 pixels", "truth sky", "prediction sky"]
    # No pixel of the sky was predicted as road: the cell to the left is empty.
    browser.press("ArrowLeft")
    assert browser.evaluate(MATRIX_TIP) == text
    browser.press("ArrowUp")
    browser.press("ArrowLeft")
    text = browser.evaluate(MATRIX_TIP)
    assert text.split("\n") == ["75.0 % · 6 pixels", "truth road", "prediction road"]
    # Names are text, not HTML.
    browser.evaluate("document.querySelector('figure[data-run=\"2\"] .plot').focus()")
    browser.press("ArrowRight")
    assert f"truth {NASTY}" in browser.evaluate(TIP.format('figure[data-run=\\"2\\"]'))
    assert browser.evaluate("typeof hacked") == "undefined"


def test_sliders_uncover_the_truth_by_keys_and_by_drag(browser, report):
    browser.open(report, 1400)
    cut = (
        "[...document.querySelectorAll('[data-group=\"0-1\"] .over')]"
        ".map(e => getComputedStyle(e).clipPath)"
    )
    assert len(set(browser.evaluate(cut))) == 1
    assert browser.evaluate(cut)[0].startswith("inset(0px 100% 0px 0px")
    browser.evaluate("document.querySelector('[data-group=\"0-1\"] input').focus()")
    for _ in range(3):
        browser.press("ArrowRight")
    # The sliders of all runs in the row move, those of another row do not.
    assert [c.startswith("inset(0px 97% 0px 0px") for c in browser.evaluate(cut)] == [True] * 3
    other = browser.evaluate("document.querySelector('[data-group=\"0-0\"] input').value")
    assert other == "0"
    place = center(browser, '[data-group="0-1"] .compare')
    browser.point(*place, kind="mousePressed")
    browser.point(*place, kind="mouseReleased")
    values = "[...document.querySelectorAll('[data-group=\"0-1\"] input')].map(i => i.value)"
    assert browser.evaluate(values) == ["50"] * 3
