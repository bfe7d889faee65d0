#!/bin/sh
# The committed viewer must be what its source builds to, and no module of it may hold state (web/test/state.test.ts).
# Needs Node.js 20 and npm; without them the check is skipped, unless CI is set.
set -eu
if ! command -v npm >/dev/null 2>&1; then
    echo "npm is not installed: the viewer was not rebuilt" >&2
    [ -z "${CI:-}" ] && exit 0 || exit 1
fi
cd "$(dirname "$0")/../web"
npm ci --silent --no-audit --no-fund
npm run --silent check
