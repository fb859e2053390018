# Functions for the rules of 10_costs.smk.

from labelgraph.costs import networks


def all_networks(step):
    """The step's code and the files of all methods."""
    return code(step, *map(method_file, sorted(BOOK.methods)))
