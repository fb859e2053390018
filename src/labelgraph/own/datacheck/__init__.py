"""Looking a dataset over before anything is trained on it."""
