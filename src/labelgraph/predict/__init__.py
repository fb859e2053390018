"""Scores of images, probabilities, and what in an image speaks for a label."""
