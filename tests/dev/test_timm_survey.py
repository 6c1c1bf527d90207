"""The survey of timm's modules goes on where it ended, and no model can stop it."""

from __future__ import annotations

import pytest
import timm
from dev.timm_survey import attempt, report_survey, smallest_model, survey, survey_here


def test_the_smallest_model_is_chosen():
    name, parameters = smallest_model("visformer")
    assert name == "visformer_tiny" in timm.list_models(module="visformer")
    assert parameters == sum(p.numel() for p in timm.create_model(name).parameters())


def test_a_model_works_is_refused_or_fails():
    works = attempt("resnet", "test_resnet", 7)
    assert (works.outcome, works.parameters, works.message) == ("works", 7, "")
    assert works.strides == (4, 8, 16, 32) and works.divisor == 32 and works.seconds > 0
    refused = attempt("crossvit", "crossvit_tiny_240")
    assert refused.outcome == "refused" and "stride 17" in refused.message


@pytest.mark.slow
def test_a_survey_goes_on_after_a_crash_and_is_not_repeated(tmp_path, capsys):
    path = str(tmp_path / "results.jsonl")
    # A module that does not exist ends the process that tries it.
    (crashed,) = survey(["none_such"], path)
    assert (crashed.module, crashed.outcome) == ("none_such", "failed")
    assert "its process ended with 1" in crashed.message
    assert list(survey(["none_such"], path)) == [crashed]
    survey_here(["visformer"], path)
    report_survey(["none_such", "visformer"], path, str(tmp_path / "table.md"))
    said = " ".join(capsys.readouterr().out.split())
    assert "2 modules of timm" in said and "1 works, 0 refused, 1 failed" in said
    assert (tmp_path / "table.md").read_text().count("visformer_tiny") == 1
