"""A training's own page: its title says how its curve ended."""

import pandas as pd
import pytest

from dashboards.app.pages.trial import errors_by_epoch


@pytest.mark.parametrize(
    ("errors", "title"),
    [
        ([60.0, 64.0, 68.33], "Validation error ends at 68.33 %, after 60.00 % in epoch 1"),
        ([60.0, 20.0, 22.0], "Validation error ends at 22.00 %, after 20.00 % in epoch 2"),
        ([60.0, 20.0, 12.0], "Validation error ends at 12.00 %, its lowest"),
        ([90, 70, 55, 44, 36], "Validation error ends at 36.00 %, its lowest; it still falls"),
        ([60.0], "Validation error ends at 60.00 %"),
        ([], "The errors after each epoch are not known"),
    ],
)
def test_a_curves_title_says_where_it_ends_and_whether_it_was_lower(errors, title):
    values = [error / 100 for error in errors]
    epochs = range(1, len(errors) + 1)
    curve = pd.DataFrame({"epoch": epochs, "train_error": values, "validation_error": values})
    row = {"arm": "C=1", "seed": 0, "status": "complete"}
    assert errors_by_epoch(curve, row).title == title
    running = errors_by_epoch(curve, {**row, "status": "running"}).title
    wanted = title.replace("ends at", "so far:") if errors else "No epoch is finished yet"
    assert running == wanted
