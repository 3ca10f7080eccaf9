"""The findings of a validation, and their text."""

from dataclasses import dataclass, field

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Finding:
    """A problem: its level, the file (and line), what is wrong there, and what to do."""

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
        """Add a finding."""
        self.findings.append(Finding(level, str(where), what, advice))

    def extend(self, other: "Report") -> None:
        """Add the findings and notes of another report."""
        self.findings += other.findings
        self.notes += other.notes

    @property
    def errors(self) -> list[Finding]:
        """The findings that must be corrected."""
        return [f for f in self.findings if f.level == ERROR]

    @property
    def warnings(self) -> list[Finding]:
        """The findings that may be intended."""
        return [f for f in self.findings if f.level == WARNING]

    def lines(self, limit: int = 5) -> list[str]:
        """The report as text: errors first, findings with the same advice together, `limit` of each group
        spelled out.
        """
        groups: dict[tuple[str, str], list[Finding]] = {}
        for finding in [*self.errors, *self.warnings]:
            groups.setdefault((finding.level, finding.advice), []).append(finding)
        lines = []
        for (level, advice), findings in groups.items():
            lines += [str(finding) for finding in findings[:limit]]
            if len(findings) > limit:
                lines.append(f"{level}: … and {len(findings) - limit} more like these")
            lines.append(f"  to do: {advice}")
        return lines + [f"note: {note}" for note in self.notes]
