"""One file per rule of the workflow, same name: parse, read, call, write."""
