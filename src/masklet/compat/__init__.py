"""Masklet under the names of other packages, so that programs written for them run unchanged.

`masklet.compat.sam2` is the one there is; `python -m masklet.compat SCRIPT.py` runs a program that
imports `sam2`. Nothing else in masklet imports this package.
"""
