"""The third guard: what is stored beside what the user's text gives over all that the manifest lists.

It shares as little as can be with what it judges: no splice, no narrowing, no survivors, no comparison of the runner's.
Which keys wait for the next run, and so cannot be right yet, the freeze says; they are counted.
"""
