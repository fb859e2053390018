"""One file per verb of `labelgraph`."""
