"""Models behind one port: exact automata and local Hugging Face models."""
