"""What people read: pages, plots, sheets and comparisons of evaluations."""
