#!/bin/sh
# The long campaigns: more kills, more items by the judge, fuzzing with coverage. About an hour on 2
# cores; before a release. FUZZ_SECONDS (default 120) is for each target.
set -eu
cd "$(dirname "$0")/.."
sh tests/run.sh
. jobs/setup.sh
need_packages clang-14 libclang-rt-14-dev
ASSAY_MODEL_DIR=$(cd "$model_dir" && pwd)
export ASSAY_MODEL_DIR
say "60 kills"
python3 tests/integration/interrupt.py build/assay 60
say "digests over 20 items, 160 samples by the judge"
python3 tests/integration/digests.py build/assay 20
say "20 000 samples replayed, 200 of them by the judge; AUDIT_ITEMS=N for fewer"
build/venv/bin/python3 tests/integration/audit_campaign.py build/assay "${AUDIT_ITEMS:-246}"
say "the quickstart's own job in a real Slurm: requeued, preempted, timed out, 30 kills, node lost"
build/venv/bin/python3 tests/integration/slurm.py build/assay jobs full
build/venv/bin/python3 tests/integration/slurm.py build/assay failures full
say "a million records merged, whole and in parts"
build/venv/bin/python3 tests/integration/scale.py build/tests/scale 1000000 200
say "fuzzing"
[ -f build/fuzz/build.ninja ] ||
    CC=clang-14 cmake -G Ninja -S . -B build/fuzz -DASSAY_PRESET=dev -DASSAY_LIBFUZZER=ON
cmake --build build/fuzz
export LSAN_OPTIONS=suppressions=tests/store/lsan.txt
for target in build/fuzz/tests/fuzz_*; do
    name=${target##*/fuzz_}
    mkdir -p "build/fuzz/corpus/$name"
    [ "$name" != results_file ] || continue
    "$target" -max_total_time="${FUZZ_SECONDS:-120}" -print_final_stats=1 \
        "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name"
done
# Whole HDF5 files: libhdf5's own faults are expected, one of ours is not. A fault is ours when the
# first frame, or the one that called a function of the C library, is in src/.
export ASAN_OPTIONS=allocator_may_return_null=1
rm -rf build/fuzz/found && mkdir build/fuzz/found
build/fuzz/tests/fuzz_results_file -fork=1 -ignore_crashes=1 -ignore_ooms=1 -ignore_timeouts=1 \
    -timeout=20 -artifact_prefix=build/fuzz/found/ -max_total_time="${FUZZ_SECONDS:-120}" \
    build/fuzz/corpus/results_file tests/fuzz/corpus/results_file
for input in build/fuzz/found/*; do
    [ -f "$input" ] || continue
    build/fuzz/tests/fuzz_results_file "$input" >build/fuzz/found.log 2>&1 || true
    ! grep -E '^ *#[01] .*/src/[a-z]+/' build/fuzz/found.log || fail "$input: a fault of ours"
done
say "nightly: all passed"
