"""Regions of images: boxes that a detector proposes, or that the user has already."""
