"""Ratios, goals and tables of hand-made measurements."""

from __future__ import annotations

import json

import pytest
from dev.bench import Case, Goal, Measurement, NotMeasured, Samples, in_turns, report
from dev.bench.run import RowResult
from dev.bench.turns import per_second

from mtl_plugins.errors import ConfigError

MADE = dict(machine="a machine", device="cpu", quick=True, repeats=4, version="1")


def measurement(goal=None, ours=(2.0, 3.0, 4.0, 10.0), other=(2.0, 2.0, 2.0, 2.0), **kwargs):
    return Measurement("case", "us", "them", "ms", [*ours], [*other], goal, **kwargs)


@pytest.fixture
def results():
    missed = measurement(Goal("at most", 1.4), note="Because.")
    met = measurement(Goal("at least", 1.5))
    alone = measurement(other=())
    skipped = measurement(Goal("at least", 2.0), (), (), skipped="no GPU")
    return [RowResult("row", "A title", MADE, [missed, met, alone, skipped])]


def test_ratios_by_hand():
    found = measurement()
    assert found.ratios == [1.0, 1.5, 2.0, 5.0]
    assert found.ratio == 1.75
    assert found.quartiles == (1.375, 2.75)
    assert found.met is None and found.missed_by is None


@pytest.mark.parametrize(
    ("goal", "met", "missed_by"),
    [
        (Goal("at least", 1.75), True, None),
        (Goal("at least", 2.0), False, 0.125),
        (Goal("at most", 1.75), True, None),
        (Goal("at most", 1.4), False, 0.25),
    ],
)
def test_goals(goal, met, missed_by):
    found = measurement(goal)
    assert (found.met, found.missed_by) == (met, missed_by)


def test_a_measurement_of_one_side_has_no_ratio():
    found = measurement(Goal("at least", 1.0), other=())
    assert (found.ratio, found.quartiles, found.met) == (None, None, None)


def test_json_gives_the_same_back(results, tmp_path):
    path = str(tmp_path / "cpu" / "row.json")
    results[0].write(path)
    assert RowResult.read(path) == results[0]
    with open(path, encoding="utf-8") as file:
        stored = json.load(file)["measurements"][0]
    assert (stored["ratio"], stored["quartiles"], stored["met"]) == (1.75, [1.375, 2.75], False)


def test_the_report_shows_ratios_quartiles_and_missed_goals(results, tmp_path, capsys):
    page = tmp_path / "performance.md"
    page.write_text("# Before\n<!-- bench cpu -->\nold\n<!-- end cpu -->\nafter\n")
    report(results, str(tmp_path), str(page))
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| case")]
    assert rows[1] == "| case | 3.5 | 2 | ms | 1.75 | 1.38 - 2.75 | at most 1.4 | no |"
    assert rows[2].endswith("| at least 1.5 | yes |")
    assert rows[3] == "| case | 3.5 | - | ms | - | - | - | - |"
    assert "us / them. Missed by 25.0 %. Because." in text
    assert "Not measured: no GPU." in text and "a machine" in text
    assert text.startswith("# Before\n") and text.endswith("after\n") and "old" not in text
    assert (tmp_path / "bench_cpu.md").read_text() in text
    picture = (tmp_path / "bench_cpu.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert (tmp_path / "performance_cpu.png").read_bytes() == picture
    assert "](performance_cpu.png)" in text
    assert "A title" in capsys.readouterr().out
    page.write_text("no place for tables")
    with pytest.raises(ConfigError, match="bench cpu"):
        report(results, str(tmp_path), str(page))


def test_the_report_shows_rows_of_earlier_calls(results, tmp_path):
    """Rows of another machine are left out."""
    for name, made in (("bins", MADE), ("data", dict(MADE, machine="another one"))):
        found = RowResult(name, f"Title of {name}", made, [measurement()])
        found.write(str(tmp_path / "cpu" / f"{name}.json"))
    report(results, str(tmp_path))
    text = (tmp_path / "bench_cpu.md").read_text()
    assert text.index("Title of bins") < text.index("A title") and "data" not in text


def test_both_take_turns_and_the_first_one_does_not_count(settings, monkeypatch):
    called = []
    clock = iter(range(1000))
    monkeypatch.setattr("dev.bench.turns.time.perf_counter", lambda: next(clock) * 1.0)
    samples = in_turns(lambda: called.append("a"), lambda: called.append("b"), settings(repeats=3))
    assert "".join(called) == "ab" * 4
    # The clock is read twice after a call: long enough? And when the device is done.
    assert samples == Samples([2.0] * 3, [2.0] * 3)
    assert per_second(samples, 6)[:2] == ([3.0] * 3, [3.0] * 3)


def test_a_skipped_case_gives_its_reason():
    def measure():
        raise NotMeasured("no GPU")

    found = Case("case", "us", "them", "ms", measure, Goal("at least", 1.0)).run()
    assert found.skipped == "no GPU" and found.ratio is None
