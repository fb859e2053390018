"""A reviewer's commands: compare, audit, trace, list stale."""
