"""The gallery is up to date, and every number of the metafiles is printed in the docs."""

from __future__ import annotations

import os
import re

import pytest
import yaml
from dev.config_gallery import (
    PREFACE,
    description,
    experiments,
    gallery_entry,
    gallery_page,
    printed_results,
)

from mtl_plugins.errors import ConfigError
from tests.config.test_config import SHIPPED
from tests.conftest import ROOT

CONFIGS = os.path.join(ROOT, "configs")


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


PAGE = text_of("docs", "gallery.md")
ROWS = {
    row[0].strip("`"): row
    for row in (line.strip("| ").split(" | ") for line in PAGE.splitlines() if "| `" in line)
    if len(row) == 8
}


def test_the_page_shows_every_config_as_it_describes_itself_with_its_results():
    paths = experiments(CONFIGS)
    assert {os.path.join(CONFIGS, path) for path in paths} == {*SHIPPED}
    assert [*ROWS] == [os.path.splitext(path)[0] for path in paths], (
        "call tools/dev/commands/gallery.py"
    )
    assert PAGE.startswith(PREFACE.strip())
    for path, (_, shows, *_, miou, si_log_rmse) in zip(paths, ROWS.values(), strict=True):
        assert shows == description(os.path.join(CONFIGS, path))
        found = printed_results(CONFIGS, path)
        printed = [f"{found[m]:.2f}" if m in found else "-" for m in ("mIoU", "SI-logRMSE")]
        assert [miou, si_log_rmse] == printed


@pytest.mark.parametrize("path", ["mtl_branched.py", "single_depth.py"])
def test_figures_are_those_of_the_networks(path):
    page = gallery_page([gallery_entry(CONFIGS, path)])
    assert f"| {' | '.join(ROWS[os.path.splitext(path)[0]])} |" in page


def test_a_config_without_a_description_is_refused(tmp_path):
    (tmp_path / "silent.py").write_text("model = dict()\n")
    with pytest.raises(ConfigError, match="does not begin with a comment"):
        description(str(tmp_path / "silent.py"))


def metafiles():
    index = yaml.safe_load(text_of("model-index.yml"))
    assert [*index] == ["Import"]
    return {path: yaml.safe_load(text_of(path)) for path in index["Import"]}


def test_metafiles_are_in_openmmlabs_format_and_name_configs_that_exist():
    found = metafiles()
    on_disk = [
        os.path.join(base, "metafile.yml")
        for base, _, files in os.walk(CONFIGS)
        if "metafile.yml" in files
    ]
    assert {os.path.join(ROOT, path) for path in found} == {*on_disk}
    models = [model for content in found.values() for model in content["Models"]]
    assert len({model["Name"] for model in models}) == len(models) == 18
    for path, content in found.items():
        collections = {collection["Name"] for collection in content["Collections"]}
        for model in content["Models"]:
            assert model["In Collection"] in collections
            assert os.path.dirname(model["Config"]) == os.path.dirname(path)
            assert os.path.join(ROOT, model["Config"]) in SHIPPED
            assert os.path.basename(model["Config"]) == f"{model['Name']}.py"
            for result in model.get("Results", ()):
                assert {*result} == {"Task", "Dataset", "Metrics"}


def test_every_number_of_a_metafile_is_printed_in_the_page_that_it_names():
    for path, content in metafiles().items():
        pages = {c["Name"]: text_of(c["README"]) for c in content["Collections"]}
        for model in content["Models"]:
            metrics = [result["Metrics"] for result in model.get("Results", ())]
            numbers = [value for each in (model["Metadata"], *metrics) for value in each.values()]
            lines = pages[model["In Collection"]].splitlines()
            # If the page has a row for the model, its numbers must be in that row.
            name = re.compile(rf"^\| `?([\w/]+/)?{model['Name']}`? ")
            where = "\n".join([line for line in lines if name.match(line)] or lines)
            for number in (value for value in numbers if isinstance(value, float)):
                text = f"{number:.3f}" if round(number, 2) != number else f"{number:.2f}"
                assert text in where, f"{path}: {model['Name']}: {text}"
