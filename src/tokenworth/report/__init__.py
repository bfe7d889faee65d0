"""Results -> frozen view model -> terminal text or one HTML file."""
