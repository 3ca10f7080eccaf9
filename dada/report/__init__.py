"""Reports: tables, plots and pages of results.

`load` reads the results, the modules `*_tables` make tables of them, `markdown`, `page` and `terminal` write
the tables, `plots` draws.
"""
