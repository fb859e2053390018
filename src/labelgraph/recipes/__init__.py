"""Paper, released code and this repository side by side, item by item."""
