"""What a validation found, and how it is told."""

from dataclasses import dataclass, field

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Finding:
    """One problem: how bad it is, the file (and line), what is wrong there, and what to do."""

    level: str  # error | warning
    where: str
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.level}: {self.where}: {self.what}"


@dataclass
class Report:
    """Findings in the order in which they were made, and `notes`: facts that are no problem, such as 8 kHz
    audio.
    """

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, level: str, where: object, what: str, advice: str) -> None:
        """Put down one finding."""
        self.findings.append(Finding(level, str(where), what, advice))

    def extend(self, other: "Report") -> None:
        """Take over the findings and notes of another report."""
        self.findings += other.findings
        self.notes += other.notes

    @property
    def errors(self) -> list[Finding]:
        """The findings that must be mended."""
        return [f for f in self.findings if f.level == ERROR]

    @property
    def warnings(self) -> list[Finding]:
        """The findings that may be meant so."""
        return [f for f in self.findings if f.level == WARNING]

    def lines(self, limit: int = 5) -> list[str]:
        """The report as text: errors first, findings with the same advice together, `limit` of each group
        spelled out.
        """
        groups: dict[tuple[str, str], list[Finding]] = {}
        for finding in [*self.errors, *self.warnings]:
            groups.setdefault((finding.level, finding.advice), []).append(finding)
        told = []
        for (level, advice), findings in groups.items():
            told += [str(finding) for finding in findings[:limit]]
            if len(findings) > limit:
                told.append(f"{level}: … and {len(findings) - limit} more like these")
            told.append(f"  to do: {advice}")
        return told + [f"note: {note}" for note in self.notes]
