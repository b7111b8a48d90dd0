"""Recipes: functions that return a complete `TrainConfig`, for the command line and for everybody."""
