"""The first guard: may a SELECT be recomputed by key, or folded?"""
