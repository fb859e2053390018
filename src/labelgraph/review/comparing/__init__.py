"""Tables compared with tables, cell by cell."""
