# Functions for the rules of 10_costs.smk.

from labelgraph.costs import networks
