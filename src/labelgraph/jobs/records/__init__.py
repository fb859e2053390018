"""What Snakemake remembers of its jobs, made to travel with the results and held against them.

metadata.py reads and writes Snakemake's own memory, travelling.py the same as text in
results/records.jsonl, or, of one's own data, in results/own_records.jsonl, which git ignores.
studies.py says whose a file is; hashes.py knows what files contain, memory.py all of it for one
folder. syncing.py works before a run, exporting.py after it.
"""
