"""Reading pictures and writing results."""
