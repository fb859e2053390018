# What the rules of 10_costs.smk ask for.


def all_networks(step):
    """The step's code and every method's file."""
    return code(step, *map(method_file, sorted(BOOK.methods)))
