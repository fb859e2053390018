"""Regions of images: boxes that a detector proposes or that the user provides."""
