"""Scores of images, probabilities, and the evidence for a label in an image."""
