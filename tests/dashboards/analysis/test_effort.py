"""What a study took, in time and in FLOPs."""

import pytest
from study_tables import FLOPS, make_info, make_trials, without_results

from dashboards.analysis.effort import effort, effort_sentence
from dashboards.analysis.findings import Findings


def test_flops_are_three_times_the_networks_for_each_image_of_each_epoch():
    spent = effort(Findings(make_trials(), make_info()))
    # Five designs x 3 seeds x 10 epochs x 1,078 images; a step computes three times the FLOPs.
    assert spent.flops == pytest.approx(sum(FLOPS) * 3 * 10 * 1078 * 3)
    assert spent.trainings == 15


def test_time_is_from_the_first_start_to_the_last_end_and_of_all_trainings_together():
    trials = make_trials()
    spent = effort(Findings(trials, make_info()))
    assert spent.seconds == 14 * 12 + 10
    assert spent.training_seconds == pytest.approx(trials["seconds"].sum())


def test_an_ended_study_tells_it_and_a_running_one_does_not():
    trials = make_trials()
    text = effort_sentence(Findings(trials, make_info()))
    assert text.startswith("It took 2 min 58 s (")
    assert text.endswith("of training) and 9.66 T FLOPs for 15 trainings.")
    running = without_results(trials, [3], "running")
    assert effort_sentence(Findings(running, make_info())) == ""


def test_failed_trainings_count_nothing_and_what_is_not_known_is_left_out():
    failed = without_results(make_trials(), [0, 1], "failed").assign(started=None, finished=None)
    failed.loc[[0, 1], "epochs"] = None
    assert effort(Findings(failed, make_info())).trainings == 13
    assert effort_sentence(Findings(failed, {"name": "from a file"})) == ""
