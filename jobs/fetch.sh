#!/bin/sh
# Fetch models of jobs/inputs.txt by name, optional ones too: sh jobs/fetch.sh NAME…
set -eu
cd "$(dirname "$0")/.."
. jobs/setup.sh
[ $# -gt 0 ] || fail "usage: sh jobs/fetch.sh NAME…, the first words of jobs/inputs.txt"
for name in "$@"; do need_input "$name"; done
