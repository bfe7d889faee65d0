"""Other people's results as documents, so that the report works on them at once."""
