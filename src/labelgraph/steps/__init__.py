"""One file for each rule of the workflow, with the rule's name: parse, read, call, write."""
