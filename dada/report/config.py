from dataclasses import dataclass


@dataclass
class ReportConfig:
    x: int = 0
