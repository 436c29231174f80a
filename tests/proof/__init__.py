"""The two questions that are asked before a run: may it be recomputed by key, and will that engine take it?"""
