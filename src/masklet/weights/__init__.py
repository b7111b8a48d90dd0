"""Weights by name, path or URL: where they come from, how they are read, checked and written.

Importing this package imports nothing heavy; `masklet.load` is `masklet.weights.load.load`.
"""
