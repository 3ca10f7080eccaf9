"""Names of the files of a report, in the folder of the experiments and, published, in that of the recipe."""

RESULTS = "RESULTS.md"
PAGE = "report.html"
SUMMARY = "results.json"
