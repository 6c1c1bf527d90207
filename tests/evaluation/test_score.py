import math

import pytest

from mtl_plugins.evaluation import delta_m, multitask_score

RESULTS = {"semseg/mIoU": 55.0, "depth/abs_rel": 0.11, "depth/delta1": 0.9, "other": 1.0}
BASELINES = {"semseg/mIoU": 50.0, "depth/abs_rel": 0.10, "depth/delta1": 0.75}


@pytest.mark.parametrize(
    "miou, si_log_rmse, score",
    [(84.83, 17.85, 66.98), (67.43, 27.07, 40.36), (40, 30, 20), (70, 60, 20), (10, 90, 0)],
)
def test_multitask_score(miou, si_log_rmse, score):
    assert multitask_score(miou, si_log_rmse) == pytest.approx(score)


def test_multitask_score_of_nan_is_nan():
    assert math.isnan(multitask_score(math.nan, 20))
    assert math.isnan(multitask_score(60, math.nan))


def test_delta_m_by_hand():
    # Gains in percent: mIoU +10; abs_rel -10 (an error that grew), delta1 +20.
    assert delta_m(RESULTS, BASELINES) == pytest.approx((10 + (-10 + 20) / 2) / 2)
    assert delta_m(RESULTS, BASELINES, averaging="metric") == pytest.approx((10 - 10 + 20) / 3)
    assert delta_m(RESULTS, BASELINES, sign="drop") == -delta_m(RESULTS, BASELINES)
    assert delta_m(RESULTS, BASELINES, lower_is_better=()) == pytest.approx((10 + 15) / 2)


def test_delta_m_of_the_baselines_is_zero():
    assert delta_m(BASELINES, BASELINES) == 0


@pytest.mark.parametrize(
    "change, match",
    [
        ({"results": {"semseg/mIoU": 1.0}}, "depth/abs_rel"),
        ({"baselines": {}}, "at least one"),
        ({"baselines": {"other": 0.0}}, "baseline of 'other' is 0"),
        ({"sign": "up"}, "sign='up'"),
        ({"averaging": "all"}, "averaging='all'"),
    ],
)
def test_delta_m_refuses(change, match):
    with pytest.raises(ValueError, match=match):
        delta_m(**{"results": RESULTS, "baselines": BASELINES, **change})
