"""Tables, curves and pages made from measured results.

`load` reads the results, `tables` turns them into tables, `markdown`, `page` and `terminal` write those down,
`plots` draws.
"""

from dada.report.terminal import summary

__all__ = ["summary"]
