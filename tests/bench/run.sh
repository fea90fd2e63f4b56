#!/bin/bash
# run.sh [options]: sets up what is needed, builds Otto in release, and compares it with nginx, HAProxy, Caddy and Go's
# ReverseProxy. --help names the options, --list the workloads; all of them take about 40 minutes. The peers are Debian's
# packages, whose services Debian starts when it installs them; the benchmark runs its own.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit

here=$PWD/tests/bench build=$PWD/build/release
case " $* " in *' --help '* | *' -h '* | *' --list '*) exec python3 -B "$here/compare.py" "$@" ;; esac

tests/setup.sh tests/bench/packages >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "$@" > "$log" 2>&1 || { cat "$log" >&2; echo "run.sh: failed: $*" >&2; exit 1; }; }
quietly cmake --preset release
quietly cmake --build --preset release --target otto bench_load bench_server
GOCACHE=$build/go-cache GO111MODULE=off GOPROXY=off GOFLAGS='' \
    quietly go build -o "$build/tests/reverse_proxy" "$here/reverse_proxy.go"
rm -f "$log"
exec python3 -B "$here/compare.py" --build "$build" "$@"
