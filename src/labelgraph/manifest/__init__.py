"""A dataset's table of images."""
