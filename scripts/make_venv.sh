#!/bin/sh
# Usage: make_venv.sh PYTHON FOLDER. Makes a virtual environment, also where Debian ships venv in a package of its own.
set -eu
python=$1 folder=$2
command -v "$python" >/dev/null 2>&1 || python=python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tokenworth needs Python 3.11 or newer; got $("$python" --version)" >&2; exit 1; }
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ]; then
        apt-get update -q && apt-get install -y -q --no-install-recommends python3-venv
    else
        echo "this Python has no venv module; run: sudo apt-get install python3-venv" >&2; exit 1
    fi
fi
"$python" -m venv "$folder"
