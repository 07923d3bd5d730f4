# Sourced by ./run and ./test: creates .venv from a hash-locked file and updates it only when that file changes.

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Sets $python to the path of the first Python of version 3.11 or newer.
find_python() {
    local candidate found=""
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        python=$(command -v "$candidate") || continue
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then return; fi
        found=${found:-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)}
    done
    fail "alertadmin needs Python 3.11 or newer; this machine has ${found:-none}. On Debian: apt-get install python3 python3-venv"
}

# Debian ships ensurepip and venv in the separate package python3-venv.
have_ensurepip() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Installing python3-venv, which Debian packages separately …"
        apt_install python3-venv
    fi
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python's venv module is missing. On Debian: apt-get install python3-venv"
}

apt_install() {
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >/dev/null ||
        fail "apt-get could not install: $*"
}

# make_venv LOCKFILE: creates .venv if it is missing or broken, and installs the packages of LOCKFILE.
make_venv() {
    is_installed "$1" && return
    [ -w . ] || fail "$PWD is not writable, and its .venv is missing or out of date. Run ./run --setup as its owner."
    exec 9>.venv.lock
    if command -v flock >/dev/null; then flock 9; fi
    if ! venv_works; then
        find_python
        have_ensurepip
        rm -rf .venv
        "$python" -m venv .venv || fail "The virtual environment $PWD/.venv cannot be created; see above."
    fi
    if ! is_installed "$1"; then
        say "Installing the packages of $1; the first time takes half a minute …"
        .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r "$1" ||
            fail "The packages of $1 could not be installed; see above. Behind a proxy, set HTTPS_PROXY."
        printf '%s\n' "$(fingerprint "$1")" >".venv/.installed-$1"
    fi
    exec 9>&-
}

venv_works() {
    .venv/bin/python -c 'import sys, importlib.util as u; sys.exit(sys.version_info < (3, 11) or not u.find_spec("pip"))' 2>/dev/null
}

is_installed() {
    [ -e ".venv/.installed-$1" ] && venv_works && [ "$(cat ".venv/.installed-$1")" = "$(fingerprint "$1")" ]
}

# A hash of the lock file and the Python version of .venv.
fingerprint() {
    .venv/bin/python - "$1" <<'PYTHON'
import hashlib, platform, sys
print(platform.python_version(), hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())
PYTHON
}
