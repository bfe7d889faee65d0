#!/bin/sh
# The browser tests use Debian's chromium. Installs it when it is missing and this user may; otherwise those tests are skipped.
set -eu
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core >/dev/null
else
    echo "chromium is not installed: the browser tests will be skipped (sudo apt-get install chromium)" >&2
fi
