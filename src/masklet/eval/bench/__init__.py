"""How fast a model is, part by part, and with how much memory."""
