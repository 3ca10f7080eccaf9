"""Tables of explanations say plainly where attributions are no better than random ones."""

import pytest

from dada.report.explanations import faithfulness_table


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.1, 0.5, "All systems' attributions are above random ones"),
        (-0.1, 0.5, "Not above a random attribution: toy"),
        (0.0, 0.5, "Not above"),
    ],
)
def test_no_better_than_random_is_said(low, high, said):
    entry = {"mean": 0.2, "low": low, "high": high, "spread": None}
    found = {
        "num": 4,
        "gain": entry,
        "random_gain": entry,
        "above_random": entry,
        "shuffled": None,
        "stability": entry,
    }
    summary = {
        "system": "toy",
        "method": "deep_shap",
        "completeness_error": {"median": 1e-6},
        "faithfulness": found,
    }
    table = faithfulness_table([summary])
    assert said in table.note and [cell.text for cell in table.rows[0]][-2:] == [
        "–",
        f"0.200 [{low:.3f}, {high:.3f}]",
    ]
