"""Image encoders: pictures in, a grid of features out."""
