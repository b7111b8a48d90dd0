"""Following objects through frames: rows, steps, the streaming tracker and the session."""
