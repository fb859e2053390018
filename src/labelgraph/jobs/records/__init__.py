"""Snakemake's records of its jobs: they come with the results, and the results are checked by them.

metadata.py reads and writes the records as Snakemake keeps them, travelling.py as text in
results/records.jsonl (for the user's own data in results/own_records.jsonl, which git ignores).
studies.py says which study a file belongs to, hashes.py what a file contains; memory.py has all
that is known in a folder. before_run.py runs before a study, after_run.py after it.
"""
