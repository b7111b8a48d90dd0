"""Labelled pictures and videos, in the layouts in which the field's datasets come."""
