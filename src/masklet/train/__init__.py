"""Training: the interactive recipe of SAM 2, from one laptop to many GPUs."""
