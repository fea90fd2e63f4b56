#!/bin/bash
# setup.sh [--build | LIST]: installs the Debian packages that are missing for building Otto and, without --build, those of
# tests/packages, or of another such list.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

wanted=(curl)
[ "${1-}" = --build ] || mapfile -t wanted < <(sed 's/#.*//; /^ *$/d' "${1-tests/packages}")

missing=()
for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
done
build=()
dpkg-checkbuilddeps 2> /dev/null || build=(./)
[ ${#missing[@]} -gt 0 ] || [ ${#build[@]} -gt 0 ] || exit 0

root=()
[ "$(id -u)" = 0 ] || root=(sudo)
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends "$@"; }
install() {
    [ ${#missing[@]} -eq 0 ] || apt install "${missing[@]}" || return
    [ ${#build[@]} -eq 0 ] || apt build-dep "${build[@]}" || return
}

echo "Installing what is missing:${build:+ the build dependencies}${missing[*]:+ ${missing[*]}}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The lists of packages may be there and recent; if not, that is one try lost.
if ! install > "$log" 2>&1 && ! { apt update && install; } > "$log" 2>&1; then
    cat "$log"
    echo "setup.sh: the packages could not be installed" >&2
    exit 1
fi
