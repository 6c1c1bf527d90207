"""The report page: its numbers, its safety, and damaged input."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mtl_plugins.errors import ConfigError
from mtl_plugins.evaluation import MultiTaskMetric, class_scores
from mtl_plugins.report import read_runs, write_page, write_results
from mtl_plugins.report.gallery import paint_image, read_gallery, shared_range
from mtl_plugins.report.page import SCRIPTS, TEMPLATES
from mtl_plugins.targets import Target
from mtl_plugins.visualization import INVALID_COLOR, TaskMaps, offset_wheel
from tests.conftest import ROOT
from tests.html_page import parse_html
from tests.report.report_runs import NASTY, nasty_run, write_many, write_run

SECTIONS = ("summary", "curves", "classes", "confusion", "distance", "balance", "cost", "gallery")


def page_of(folders, out):
    """Write the report and return the page as a tree, its text and its data."""
    write_page(folders, str(out))
    text = out.read_text(encoding="utf-8")
    page = parse_html(text)
    [data] = page.find("script", id="data")
    return page, text, json.loads("".join(data.inside))


@pytest.fixture
def two(tmp_path):
    """Write two runs; the second has a better mIoU, a worse relative error and an equal RMSE."""
    first = {"semseg/mIoU": 50.0, "depth/abs_rel": 0.2, "depth/rmse": 4.0, "own/thing": 1.0}
    second = {"semseg/mIoU": 52.5, "depth/abs_rel": 0.25, "depth/rmse": 4.0, "own/thing": 2.0}
    optimizer = dict(optim_wrapper=dict(optimizer=dict(lr=0.5)))
    return [
        write_run(tmp_path / "a", first),
        write_run(tmp_path / "b", second, depth=20.0, **optimizer),
    ]


def rows_of(page, section):
    """Return the cells of each row in a section's tables, by label."""
    [part] = page.find("section", id=section)
    rows = {}
    for row in part.find("tr"):
        labels = [cell.text for cell in row.find("th", scope="row")]
        if labels:
            rows[labels[0]] = list(row.find("td"))
    return rows


def test_best_value_and_difference(two, tmp_path):
    page, _, _ = page_of(two, tmp_path / "r.html")
    found = {
        label: [(cell.text, "best" in cell.attributes.get("class", "")) for cell in cells]
        for label, cells in rows_of(page, "summary").items()
    }
    assert found["mIoU (%) ↑"] == [("50.00", False), ("★ 52.50 +2.50", True), ("1.00", False)]
    assert found["relative error ↓"][:2] == [("★ 0.2000", True), ("0.2500 +0.0500", False)]
    assert found["RMSE ↓"][:2] == [("4.000", False), ("4.000 =", False)]
    # It is unknown which values of an undeclared metric are better.
    assert found["own/thing"][:2] == [("1.000", False), ("2.000 +1.000", False)]
    verdicts = {e.attributes["class"]: e.text for e in page.find("span") if "+" in e.text}
    assert verdicts["difference better"] == "+2.50"
    assert verdicts["difference worse"] == "+0.0500"


def test_every_run_is_in_every_section(two, tmp_path):
    page, _, data = page_of(two, tmp_path / "r.html")
    assert data["runs"] == ["a", "b"]
    for name in SECTIONS:
        [section] = page.find("section", id=name)
        chart = next(section.find(class_="chart"), None)
        if chart is not None and name != "balance":
            curves = data["charts"][chart.attributes["data-chart"]]["series"]
            runs = {str(curve["run"]) for curve in curves}
        else:
            runs = {e.attributes["data-run"] for e in section.find() if "data-run" in e.attributes}
        assert runs == {"0", "1"}, name
        assert "Not recorded" not in section.text or name == "balance"


def test_numbers_of_every_section(two, tmp_path):
    page, _, data = page_of(two, tmp_path / "r.html")
    training = {(c["run"], c["name"]): c["data"] for c in data["charts"]["training"]["series"]}
    # The horizontal axis counts epochs of ten iterations.
    assert training[0, "loss"] == [[0.5, 0.8], [1.0, 0.4], [1.5, 0.26667], [2.0, 0.2]]
    assert training[1, "semseg/mIoU"] == [[1.0, 26.25], [2.0, 52.5]]
    distance = {
        (c["run"], c["name"]): c["data"] for c in data["charts"]["distance-depth"]["series"]
    }
    assert distance[0, "relative error"] == [[2.0, 0.1], [20.0, 0.4]]
    assert distance[1, "share of the pixels (%)"] == [[2.0, 75.0], [20.0, 25.0]]
    [classes] = page.find("ul", class_="classes")
    road, sky = (item.text for item in classes.find("li"))
    assert road.startswith("road 66.7 % of pixels 75.00") and "66.67" in sky
    right, wrong = (series["data"] for series in data["matrices"]["semseg-0"]["series"])
    # Prediction, truth, opacity, percent of the true class, pixels.
    assert right == [[0, 0, 0.86603, 75.0, 6], [1, 1, 1.0, 100.0, 4]]
    assert wrong == [[1, 0, 0.5, 25.0, 2]]
    worst = next(page.find("table", class_="worst"))
    assert worst.text == "most frequent confusions road → sky 25.0 %"
    cost = {label: cells[0].text for label, cells in rows_of(page, "cost").items()}
    assert cost["parameters (M) ↓"] == "2.500" and cost["GMACs of an image ↓"] == "3.000"
    assert cost["training step (ms) ↓"] == "600.00" and cost["iterations trained"] == "20"
    balance = rows_of(page, "balance")
    assert [cell.text for cell in balance["semseg"]] == ["0.25", "2", "", ""]
    assert [cell.text for cell in balance["semseg | depth"]] == ["", "", "", "12.5"]
    config = {label: [c.text for c in cells] for label, cells in rows_of(page, "config").items()}
    assert config == {"optim_wrapper.optimizer.lr": ["\N{EN DASH}", "0.5"]}


def test_page_loads_nothing_and_its_policy_allows_only_its_script(two, tmp_path):
    page, text, _ = page_of(two, tmp_path / "r.html")
    for element in page.find():
        for name in ("src", "href"):
            address = element.attributes.get(name, "#")
            assert address.startswith(("#", "data:")), address
    library = (TEMPLATES / SCRIPTS[0]).read_text(encoding="utf-8")
    assert library in text
    ours = text.replace(library, "")
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket", ours)
    [policy] = page.find("meta", http_equiv="Content-Security-Policy")
    [script] = [s for s in page.find("script") if "type" not in s.attributes]
    digest = hashlib.sha256("".join(script.inside).encode()).digest()
    assert f"'sha256-{base64.b64encode(digest).decode()}'" in policy.attributes["content"]
    assert "default-src 'none'" in policy.attributes["content"]


def test_names_and_configs_are_escaped(tmp_path):
    page, _, data = page_of([nasty_run(tmp_path / "<b>run")], tmp_path / "r.html")
    assert len(list(page.find("script"))) == 2
    assert not [e for e in page.find() if "onerror" in e.attributes or e.tag == "b"]
    assert all(
        image.attributes.get("src", "data:").startswith("data:") for image in page.find("img")
    )
    [config] = page.find("pre")
    assert "<script>hacked=1</script>" in config.text
    assert NASTY in page.text and data["matrices"]["semseg-0"]["xAxis"]["data"][0] == NASTY
    assert data["runs"] == ["<b>run"]


def pixels(address):
    """Decode a PNG in a data URI to H,W,3."""
    content = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return np.array(Image.open(io.BytesIO(content)).convert("RGB"))


def test_equal_depths_have_equal_colours_in_every_picture(tmp_path):
    metrics = {"depth/abs_rel": 0.1}
    depths = (10.0, 20.0, 5.0)
    folders = [write_run(tmp_path / str(d), metrics, depth=d) for d in depths]
    runs = read_runs(folders)
    [picture] = map(paint_image, read_gallery(runs)[0])
    task = picture.tasks[1]
    truth = pixels(task.truth)
    assert (truth[:2] == INVALID_COLOR).all()
    same, far, near = (pixels(task.runs[i]["prediction"]) for i in range(3))
    assert (same[2:] == truth[2:]).all() and (same[:2] == truth[2, 0]).all()
    light = [int(picture[3, 3].sum()) for picture in (near, same, far)]
    assert light == sorted(light, reverse=True) and len(set(light)) == 3
    ticks = task.legend.scale["ticks"]
    # The smallest and largest depth each fill more than 1 % of the pixels.
    assert (ticks[0][1], ticks[-1][1]) == ("5", "20")
    assert task.legend.scale["caption"] == "depth [m], logarithmic"
    assert ("not measured", "rgb(150, 150, 150)") in task.legend.swatches
    error = [pixels(task.runs[i]["error"]) for i in range(3)]
    assert all((e[:2] == INVALID_COLOR).all() for e in error)
    assert (error[0][3, 3] != error[2][3, 3]).any()


def test_every_target_is_in_every_section_of_its_type(tmp_path):
    folders = [write_many(tmp_path / "a"), write_run(tmp_path / "b", {"semseg/mIoU": 1.0})]
    page, _, data = page_of(folders, tmp_path / "r.html")

    def headings(section):
        [part] = page.find("section", id=section)
        return [each.text for each in part.find("h3")]

    labels = ["semantic segmentation", "parts", "edges", "second"]
    assert headings("classes") == headings("confusion") == labels
    assert headings("distance") == ["depth", "range [km]"]
    assert {*data["matrices"]} == {
        *("semseg-0", "semseg-1", "parts-0", "edges-0", "second-0"),
    }
    assert data["matrices"]["edges-0"]["xAxis"]["data"] == ["no edges", "edges"]
    assert data["charts"]["distance-range"]["xAxis"][-1]["name"] == "true distance (km)"
    assert len(data["charts"]["distance-depth"]["series"]) == 8
    for section, count in (("classes", 3), ("confusion", 3), ("distance", 1)):
        [part] = page.find("section", id=section)
        assert part.text.count("Not recorded: b.") == count
    lists = [*page.find("ul", class_="classes")]
    assert [len([*each.find("li")]) for each in lists] == [2, 4, 2, 2]


def test_every_target_is_in_the_gallery_with_its_legend(tmp_path):
    folders = [write_many(tmp_path / "a"), write_many(tmp_path / "b", seed=1)]
    [one] = [paint_image(image) for image in read_gallery(read_runs(folders))[0]]
    tasks = {task.name: task for task in one.tasks}
    names = ["semantic segmentation", "depth", "surface normals", "parts", "edges"]
    assert [*tasks] == [*names, "range [km]", "height [m]", "flow", "second"]
    assert [name for name, _ in tasks["edges"].legend.swatches][:2] == ["no edges", "edges"]
    assert tasks["height [m]"].legend.scale["caption"] == "height [m]"
    assert tasks["flow"].legend.wheel["caption"].startswith("rim: ")
    wheel = pixels(tasks["flow"].legend.wheel["picture"])
    assert (wheel == offset_wheel(96)).all()
    assert tasks["parts"].legend.wheel is tasks["parts"].legend.scale is None
    assert all(
        pixels(task.runs[run]["prediction"]).shape == (64, 96, 3)
        for task in one.tasks
        for run in (0, 1)
    )
    assert pixels(tasks["flow"].truth)[0, 0].tolist() == list(INVALID_COLOR)


def test_scalars_and_offsets_share_their_colours():
    """The colours span both runs, whichever is first."""
    height, flow = Target("height", "scalar"), Target("flow", "offset")
    maps = [np.float32([[0, 10]]), np.float32([[5, 40]])]
    vectors = [np.stack([values, values * 0.75], axis=-1) for values in maps]
    for target, pair, highest in ((height, maps, 40), (flow, vectors, 50)):
        found = [TaskMaps(target, guess) for guess in pair]
        low, high = shared_range(found)
        assert shared_range(found[::-1]) == (low, high)
        assert low == pytest.approx(0, abs=0.2) and high == pytest.approx(highest, rel=0.03)
    assert shared_range([TaskMaps(Target("a", "classes"), np.zeros((1, 1), int))]) is None
    nothing = np.full((1, 1), np.nan, np.float32)
    assert shared_range([TaskMaps(height, nothing, nothing)]) is None


MEASURED_BY_0_1 = dict(confusion="semseg", distance_errors="depth")


def as_0_1(folder):
    """Turn the details of a run into those that version 0.1 wrote."""
    path = Path(folder, "report", "metrics.json")
    content = json.loads(path.read_text())
    labels = content.pop("targets")["semseg"]
    content.update({key: content[key][name] for key, name in MEASURED_BY_0_1.items()})
    found = dict(classes=labels["classes"], palette=labels["palette"], depth_unit="m")
    content.update(found, ignore_label=255)
    path.write_text(json.dumps(content))


def test_records_of_version_0_1_give_the_same_page(two, tmp_path):
    _, text, _ = page_of(two, tmp_path / "r.html")
    for folder in two:
        as_0_1(folder)
    assert page_of(two, tmp_path / "r.html")[1] == text
    path = Path(two[0], "report", "metrics.json")
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(content, confusion=None, distance_errors=None)))
    page, _, _ = page_of(two[:1], tmp_path / "r.html")
    for section in ("classes", "confusion", "distance"):
        assert "Not recorded: a." in next(page.find("section", id=section)).text


def test_images_of_one_name_but_other_content_are_not_joined(two, tmp_path):
    picture = Path(two[1], "report", "gallery", "one.jpg")
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(picture)
    runs = read_runs(two)
    pictures = map(paint_image, read_gallery(runs)[0])
    assert [list(p.tasks[0].runs) for p in pictures] == [[0], [1]]


def test_damaged_and_missing_files_are_reported(two, tmp_path, capsys):
    first, second = map(Path, two)
    log = next(second.glob("*/vis_data/scalars.json"))
    log.write_text(log.read_text() + '{"loss": 0.1, "st')
    (second / "summary.json").write_text("{")
    (first / "report" / "gallery" / "one.npz").write_bytes(b"PK")
    details = json.loads((second / "report" / "metrics.json").read_text())
    (second / "report" / "metrics.json").write_text(
        json.dumps(dict(details, confusion=dict(semseg=[["red"]])))
    )
    page, _, _ = page_of(two, tmp_path / "r.html")
    printed = capsys.readouterr().out
    assert "b: 1 unreadable lines of the log were skipped." in printed
    assert "summary.json is damaged" in printed and "metrics.json is damaged" in printed
    assert "one.npz cannot be read" in printed
    for section, names in (("classes", "b"), ("distance", "b"), ("gallery", "a, b")):
        assert f"Not recorded: {names}." in next(page.find("section", id=section)).text
    assert rows_of(page, "summary")["mIoU (%) ↑"][1].text == "★ 52.50 +2.50"


def test_results_hold_every_label_set(tmp_path):
    metric = MultiTaskMetric()
    counts = torch.tensor([[3, 1], [0, 0]])
    metric.confusions = dict(semseg=counts, parts=counts.flip(1))
    metric.classes = {
        name: class_scores(found, ["a", "b"]) for name, found in metric.confusions.items()
    }
    write_results(str(tmp_path / "a.json"), {"parts/mIoU": math.nan}, [metric], "c.pth")
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["confusion"] == [[3, 1], [0, 0]] and found["classes"][0]["iou"] == 75
    assert list(found["targets"]) == ["parts"] and found["metrics"] == {"parts/mIoU": None}
    parts = found["targets"]["parts"]
    assert parts["confusion"] == [[1, 3], [0, 0]] and parts["classes"][0]["iou"] == 25


def test_wrong_work_dirs_are_refused(two, tmp_path):
    with pytest.raises(ConfigError, match="There is no work dir"):
        read_runs([str(tmp_path / "nowhere")])
    (tmp_path / "epoch_1.pth").touch()
    with pytest.raises(ConfigError, match=r"epoch_1\.pth is a file; expected a work dir"):
        read_runs([str(tmp_path / "epoch_1.pth")])
    with pytest.raises(ConfigError, match=r"holds no logs.*contains the work dirs .*a, .*b"):
        read_runs([str(tmp_path)])
    with pytest.raises(ConfigError, match="given twice"):
        read_runs([two[0], two[0] + "/"])
    with pytest.raises(ConfigError, match=r"--out .* cannot be written"):
        write_page(two, str(tmp_path))


def test_command(two, tmp_path, monkeypatch, capsys):
    tools = Path(ROOT, "tools")
    monkeypatch.syspath_prepend(str(tools))
    out = tmp_path / "new" / "r.html"
    monkeypatch.setattr("sys.argv", ["report.py", *two, "--out", str(out)])
    runpy.run_path(str(tools / "report.py"), run_name="__main__")
    assert "r.html (1." in capsys.readouterr().out and out.is_file()
    monkeypatch.setattr("sys.argv", ["report.py", str(tmp_path)])
    with pytest.raises(SystemExit, match="1"):
        runpy.run_path(str(tools / "report.py"), run_name="__main__")
    assert "holds no logs" in capsys.readouterr().err
