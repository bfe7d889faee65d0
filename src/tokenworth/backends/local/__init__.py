"""Hugging Face causal language models on this machine; `load.load_local` opens one."""
