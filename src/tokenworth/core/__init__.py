"""Values and protocols every other package shares; stdlib and numpy only."""
