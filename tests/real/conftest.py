"""Leaves these tests out unless TOKENWORTH_REAL names the folder of the real model's GGUF file (``make test-real``)."""

import os

collect_ignore_glob = [] if os.environ.get("TOKENWORTH_REAL") else ["test_*.py"]
