"""Leaves these tests out unless TOKENWORTH_VLLM names the Python of an environment with vLLM (``make test-vllm``)."""

import os

collect_ignore_glob = [] if os.environ.get("TOKENWORTH_VLLM") else ["test_*.py"]
