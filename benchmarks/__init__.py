"""Measurements: each package is run with `python -m`, and keeps its results beside it."""
