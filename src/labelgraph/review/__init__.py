"""What reviewers need: compare, audit and trace tables, and list stale files."""
