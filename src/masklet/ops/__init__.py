"""Pure functions on arrays and tensors: no state, no files, nothing of this package above it."""
