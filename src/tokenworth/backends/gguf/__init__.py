"""A GGUF file, answered by llama.cpp."""
