"""Tokenizers and chat templates of Hugging Face models, without the models: no torch, no transformers."""
