"""Mistakes planted in the rules, one at a time: do the tables of queries and the generators find each?"""
