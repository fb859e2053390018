"""YAML files and the command line -> the checked settings of one run."""
