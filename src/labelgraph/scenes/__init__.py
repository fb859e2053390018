"""Drawn scenes in the folders and files of the official archives."""
