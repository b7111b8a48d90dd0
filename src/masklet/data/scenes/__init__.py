"""Clips that the project makes itself, with exact truth."""
