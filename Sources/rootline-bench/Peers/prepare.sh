#!/bin/sh
# Makes the Python environment of `make bench`'s peer in the folder given, if it is not there.
# Where PyPI cannot be reached, the file `skipped` in it says so, and that peer alone is left out.
set -eu
folder=$1
if "$folder/bin/python" -c 'import pkcs11, cryptography, asn1crypto' 2>/dev/null; then exit 0; fi
rm -rf "$folder"
python3 -m venv "$folder"
if "$folder/bin/pip" install -q --disable-pip-version-check -r "$(dirname "$0")/requirements.txt" \
  > "$folder/log" 2>&1; then
  exit 0
fi
cat "$folder/log" >&2
rm -rf "$folder/bin"
# What pip says when it gets no answer at all; every other failure is one of ours.
if grep -q -E 'NewConnectionError|ConnectTimeout|ReadTimeout|Max retries|ProxyError|Name or service' "$folder/log"; then
  echo "PyPI cannot be reached" > "$folder/skipped"
  exit 0
fi
exit 1
