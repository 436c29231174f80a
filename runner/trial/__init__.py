"""The second guard: a new or changed definition is attacked with made-up rows before it is trusted.

The runner's own increments, over tables that nobody else sees, beside the user's SELECT over the whole.
"""
