"""What is remembered of past frames, and what is made of it."""
