#!/bin/sh
# The long campaigns, before a release: nightly.sh [PART…]. All of them by default, two hours on 2
# cores; the other parts take what `tests` has built. FUZZ_SECONDS (120) is for each target,
# AUDIT_ITEMS (246) for audits.
set -eu
cd "$(dirname "$0")/.."
. jobs/setup.sh

part_tests() { sh tests/run.sh; }

part_kills() {
    say "60 kills"
    python3 tests/integration/interrupt.py build/assay 60
}

part_digests() {
    say "digests over 20 items, 160 samples by the judge"
    python3 tests/integration/digests.py build/assay 20
}

part_audits() {
    say "23 616 samples replayed, 216 of them by the judge"
    build/venv/bin/python3 tests/integration/audit_campaign.py build/assay "${AUDIT_ITEMS:-246}"
}

part_slurm() {
    say "the quickstart's job in a real Slurm: requeued, preempted, timed out, killed, node lost"
    build/venv/bin/python3 tests/integration/slurm.py build/assay jobs full
    build/venv/bin/python3 tests/integration/slurm.py build/assay failures full
}

part_scale() {
    say "a million records merged, whole and in parts"
    build/venv/bin/python3 tests/integration/scale.py build/tests/scale build/assay 1000000 200
}

part_fuzz() {
    say "fuzzing with coverage"
    need_packages clang-14 libclang-rt-14-dev
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
    # Whole HDF5 files: libhdf5's own faults are expected, one of ours is not. A fault is ours when
    # the first frame, or the one that called a function of the C library, is in src/.
    export ASAN_OPTIONS=allocator_may_return_null=1
    rm -rf build/fuzz/found && mkdir build/fuzz/found
    build/fuzz/tests/fuzz_results_file -fork=1 -ignore_crashes=1 -ignore_ooms=1 \
        -ignore_timeouts=1 -timeout=20 -artifact_prefix=build/fuzz/found/ \
        -max_total_time="${FUZZ_SECONDS:-120}" \
        build/fuzz/corpus/results_file tests/fuzz/corpus/results_file
    for input in build/fuzz/found/*; do
        [ -f "$input" ] || continue
        build/fuzz/tests/fuzz_results_file "$input" >build/fuzz/found.log 2>&1 || true
        ! grep -E '^ *#[01] .*/src/[a-z]+/' build/fuzz/found.log || fail "$input: a fault of ours"
    done
}

parts="tests kills digests audits slurm scale fuzz"
for part in "$@"; do
    case " $parts " in
    *" $part "*) ;;
    *) printf 'nightly.sh: there is no part %s; there are: %s\n' "$part" "$parts" >&2; exit 2 ;;
    esac
done
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $parts
mkdir -p "$model_dir"
ASSAY_MODEL_DIR=$(cd "$model_dir" && pwd)
export ASSAY_MODEL_DIR
for part in "$@"; do "part_$part"; done
say "nightly: passed: $*"
