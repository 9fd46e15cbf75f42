#!/bin/sh
# One round of a network on this machine: three sites, each with a key of its own, compute the items
# that the beacon deals them (their seeds differ, so nothing is shared), sign, commit, reveal; the
# embedded ledger settles, and a reader checks the outcome. Called by jobs/quickstart.sh; alone:
# sh jobs/round.sh FOLDER MODEL_DIR [PROGRAM]. A folder that is there already is only shown.
set -eu
jobs=$(cd "$(dirname "$0")" && pwd)
folder=$1 models=$(cd "$2" && pwd) program=${3:-build/assay}
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
sites="alpha beta gamma"

assay() { "$program" "$@"; }
say() { printf '== %s\n' "$*"; }
if [ -d "$folder" ]; then
    say "the round of before, in $folder"
    assay net leaderboard "$folder/chain.db"
    exit
fi
rm -rf "$folder.new" # of a round that was broken off
mkdir -p "$folder.new"
cd "$folder.new"

# The passphrase of throw-away keys. A real one comes from a person, or a file that only they read.
umask 077
head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >passphrase
export ASSAY_PASSPHRASE_FILE="$PWD/passphrase"

say "keys, a chain, three sites"
for who in admin $sites; do assay key generate "$who.key" --cost low >/dev/null; done
assay net init chain.db --chain quickstart --admin admin.key.pub
for who in $sites; do
    assay net apply "$who.json" --chain quickstart --key "$who.key" --organisation "uni-$who" \
        --country FR --arch cpu >/dev/null
    assay net register chain.db "$who.json" --key admin.key >/dev/null
done
assay net open chain.db "$jobs/round.yaml" --model-dir "$models" --key admin.key --window 4 \
    --replicas 2 --sites-min 3

say "the beacon deals the items out: each to two of the three"
for step in commit reveal; do
    for who in $sites; do
        assay net beacon chain.db "$step" --task 1 --key "$who.key" >/dev/null
    done
    assay net advance chain.db >/dev/null
done

for who in $sites; do
    say "site $who computes its part, signs, commits"
    assay net assignment chain.db --task 1 --site "$who.key.pub" --output "$who.assignment.json"
    assay run "$jobs/round.yaml" --model-dir "$models" --assignment "$who.assignment.json" \
        --output "$who.h5" --json >"$who.report.json"
    assay attest "$who.h5" --key "$who.key" >/dev/null
    assay submit --solo chain.db commit "$who.h5" --task 1 --key "$who.key" >/dev/null
done
assay net advance chain.db >/dev/null

say "all reveal, the ledger settles"
for who in $sites; do
    assay submit --solo chain.db reveal "$who.h5" --task 1 --key "$who.key" >/dev/null
done
assay net advance chain.db >/dev/null
assay net settle chain.db --task 1 --key alpha.key
assay net leaderboard chain.db

say "and a reader checks it"
for who in $sites; do
    assay verify "$who.h5.dsse.json" --key "$who.key.pub" --results "$who.h5" >"$who.checks.txt"
    count=$(grep -c '^ok' "$who.checks.txt")
    echo "$who: $count checks of its signed results hold ($who.checks.txt)"
    assay submit --solo chain.db receipt "$who.settled.json" --task 1 --site "$who.key.pub" \
        >/dev/null
    printf '%s: ' "$who"
    assay submit check "$who.settled.json"
done
assay net replay chain.db
cd ..
mv "$(basename "$folder").new" "$(basename "$folder")"
