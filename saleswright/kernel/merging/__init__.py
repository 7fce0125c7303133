"""Makes one record of several of a kind, and takes that back for 30 days.

A kind of record takes part by two lines of its declaration: `merges = Merging(...)` and `merging("customers")` among
its transitions. What points to its records is found from the models themselves (`walk`), so that tables to come are
moved as well; `tests/test_merging_walk.py` refuses those that point in a way that the walk doesn't know.

`declared` is what modules say, `action` the merge, `undo` the way back, `names` where merged records lead to.
"""
