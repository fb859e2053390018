"""One file for each verb of `labelgraph`."""
