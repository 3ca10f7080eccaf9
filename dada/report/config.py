"""The schema of `report:` in a recipe."""

from dataclasses import dataclass, field


@dataclass
class ReportConfig:
    """What the report shows. Conditions with few values become columns of the main table, those with more a
    table of their own.
    """

    # conditions of the main table, in order; empty takes all with few values
    columns: list[str] = field(default_factory=list)
    max_column_values: int = 6  # "few"
    num_det_systems: int = 8  # curves in one DET plot, the best by EER first
