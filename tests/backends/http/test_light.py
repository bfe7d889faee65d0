"""A served model needs neither torch nor transformers."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from tokenworth.backends.http.options import ServerOptions
from tokenworth.workbench.bench import Workbench

with Workbench(sys.argv[1], server=ServerOptions(tokenizer="tiny")) as bench:
    case = bench.case("world:steps", 0)
    trace = case.sample(4).trace()
    case.curve(trace, max_rollouts=16)
    case.forced(trace)
print([name for name in ("torch", "transformers") if name in sys.modules])
"""


def test_a_served_model_loads_neither_torch_nor_transformers(llama_url: str):
    done = subprocess.run([sys.executable, "-c", PROGRAM, llama_url], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
