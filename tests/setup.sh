#!/bin/bash
# setup.sh [--build | LIST]: installs the Debian packages that are missing for building Otto and, without --build, those of
# tests/packages, or of another such list. Without either it also fetches axe-core, for the test of the web page, and
# promtool, which reads metrics and alert rules.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

wanted=(curl)
[ "${1-}" = --build ] || mapfile -t wanted < <(sed 's/#.*//; /^ *$/d' "${1-tests/packages}")
[ $# -gt 0 ] || command -v npm > /dev/null || wanted+=(npm)

missing=()
for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
done
build=()
dpkg-checkbuilddeps 2> /dev/null || build=(./)

root=()
[ "$(id -u)" = 0 ] || root=(sudo)
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends "$@"; }
install() {
    [ ${#missing[@]} -eq 0 ] || apt install "${missing[@]}" || return
    [ ${#build[@]} -eq 0 ] || apt build-dep "${build[@]}" || return
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ ${#missing[@]} -gt 0 ] || [ ${#build[@]} -gt 0 ]; then
    echo "Installing what is missing:${build:+ the build dependencies}${missing[*]:+ ${missing[*]}}"
    # The lists of packages may be there and recent; if not, that is one try lost.
    if ! install > "$log" 2>&1 && ! { apt update && install; } > "$log" 2>&1; then
        cat "$log"
        echo "setup.sh: the packages could not be installed" >&2
        exit 1
    fi
fi

# What finds barriers in the web page: one file, this version and no other.
axe_version=4.10.3
axe_sum=880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb
axe_holds() { sha256sum --check --status <<< "$axe_sum  $1"; }
fetch_axe() {
    local folder=build/axe-core
    mkdir -p "$folder"
    (cd "$folder" && npm pack --silent "axe-core@$axe_version" && tar -xzf "axe-core-$axe_version.tgz" --strip-components=1 package/axe.min.js) &&
        rm -f "$folder/axe-core-$axe_version.tgz" && axe_holds "$folder/axe.min.js"
}
if [ $# -eq 0 ] && ! axe_holds build/axe-core/axe.min.js 2> "$log" && ! fetch_axe > "$log" 2>&1; then
    cat "$log"
    echo "setup.sh: axe-core $axe_version could not be fetched" >&2
    exit 1
fi

# promtool comes with the Prometheus server, which would run once it is installed: the package is only unpacked.
has_promtool() { PATH=$PATH:$PWD/build/promtool/usr/bin command -v promtool > /dev/null; }
fetch_promtool() {
    local folder=build/promtool
    mkdir -p "$folder"
    (cd "$folder" && apt-get -q download prometheus && dpkg-deb -x prometheus_*.deb . && rm -f prometheus_*.deb) && has_promtool
}
if [ $# -eq 0 ] && ! has_promtool && ! fetch_promtool > "$log" 2>&1 && ! { apt update && fetch_promtool; } > "$log" 2>&1; then
    cat "$log"
    echo "setup.sh: promtool could not be fetched" >&2
    exit 1
fi
