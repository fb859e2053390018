"""From a cell of a committed table back to the runs behind it."""
