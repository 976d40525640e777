#!/usr/bin/env bash
# Installs, once, what tests/peertube/server.py needs (from PyPI) into a virtual environment below target/.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=${1:-target/peertube-server}
wanted=tests/peertube/requirements.txt
if cmp -s "$wanted" "$folder/installed.txt"; then exit 0; fi

rm -rf "$folder"
if ! python3 -m venv "$folder"; then
  echo "error: python3 cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2
  exit 1
fi
"$folder/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
cp "$wanted" "$folder/installed.txt"
