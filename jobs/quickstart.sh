#!/bin/sh
# From a fresh Debian 12 machine to a score with its errors: installs what is missing, builds,
# fetches the model, runs jobs/quickstart.yaml; then three sites measure it together: jobs/round.sh.
# Run it again at will: it resumes, and shows complete results without computing them again.
set -eu
cd "$(dirname "$0")/.."
. jobs/setup.sh

say "building"
need_build build release
need_input smollm2-135m-instruct-q4_1.gguf
say "running jobs/quickstart.yaml"
build/assay run jobs/quickstart.yaml --model-dir "$model_dir" --output build/quickstart.h5 "$@"
sh jobs/round.sh build/round "$model_dir"
