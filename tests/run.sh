#!/bin/sh
# Everything a change must pass: sets up like jobs/quickstart.sh, builds three presets (release, dev
# = ASan + UBSan, tsan) and runs all tests of all of them in one CTest run. Arguments go to ctest:
# sh tests/run.sh -L unit
set -eu
cd "$(dirname "$0")/.."
. jobs/setup.sh
need_packages libcmocka-dev python3-venv git openssl hdf5-tools slurm-wlm slurm-wlm-basic-plugins \
    slurm-client slurmctld slurmd munge libpmix2 iproute2

need_venv() {
    [ -f build/venv/done ] && cmp -s tests/requirements.txt build/venv/done && return 0
    say "making build/venv"
    rm -rf build/venv
    python3 -m venv build/venv || fail "python3 could not make a virtual environment"
    build/venv/bin/pip install --quiet --disable-pip-version-check --no-deps \
        -r tests/requirements.txt ||
        fail "pip could not install tests/requirements.txt"
    cp tests/requirements.txt build/venv/done
}

need_input smollm2-135m-instruct-q4_1.gguf
need_venv
say "building release, dev (ASan + UBSan), tsan"
need_build build release
need_build build/dev dev
need_build build/tsan tsan

# One CTest run over the three trees, so that one line counts all tests.
mkdir -p build/all
printf 'subdirs(../ ../dev ../tsan)\n' >build/all/CTestTestfile.cmake
ASSAY_MODEL_DIR=$(cd "$model_dir" && pwd)
export ASSAY_MODEL_DIR
exec ctest --test-dir build/all --output-on-failure -j "$(nproc)" "$@"
