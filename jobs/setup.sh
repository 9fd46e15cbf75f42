# Set-up shared by jobs/quickstart.sh and tests/run.sh: packages, program, inputs. Sourced, from the
# project's top level. Every step looks first whether it is needed, so that a second call is a
# matter of seconds.

model_dir=${ASSAY_MODEL_DIR:-build/models}

say() { printf '== %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 4; }

installed() {
    case $(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) in *"ok installed"*) return 0 ;; esac
    return 1
}

# need_packages NAME…: install the Debian packages that are missing.
need_packages() {
    missing=
    for package in "$@"; do installed "$package" || missing="$missing $package"; done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || fail "missing Debian packages (or their like):$missing"
    root=
    if [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then root="sudo"
        else fail "as root first: apt-get install --no-install-recommends$missing"; fi
    fi
    say "installing$missing"
    $root apt-get update -qq || fail "apt-get update failed"
    # shellcheck disable=SC2086
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        $missing >build/apt.log 2>&1 ||
        { cat build/apt.log >&2; fail "apt-get could not install$missing"; }
}

# need_build DIRECTORY PRESET: configure once, build what changed.
need_build() {
    [ -f "$1/build.ninja" ] ||
        cmake -G Ninja -S . -B "$1" -DASSAY_PRESET="$2" >"build/configure-$2.log" 2>&1 ||
        { cat "build/configure-$2.log" >&2; fail "cmake could not configure $1"; }
    cmake --build "$1" >"build/compile-$2.log" 2>&1 ||
        { tail -n 40 "build/compile-$2.log" >&2; fail "$1 did not build"; }
}

# need_input NAME…: entries of jobs/catalogue.yaml, in the model directory. Needs build/assay.
need_input() {
    build/assay fetch "$@" --model-dir "$model_dir" >/dev/null ||
        fail "assay fetch could not bring $*"
}

mkdir -p build
need_packages gcc libc6-dev cmake ninja-build pkg-config libhdf5-dev libdeflate-dev libsodium-dev \
    nettle-dev libyaml-dev libjansson-dev libpcre2-dev zlib1g-dev libhwloc-dev libgsl-dev \
    libsqlite3-dev libseccomp-dev openmpi-bin libopenmpi-dev python3 python3-pip
