#!/bin/bash
# run.sh [options]: sets up what is needed, builds Otto in release, and compares it with nginx, HAProxy, Caddy and Go's
# ReverseProxy. --help names the options, --list the workloads; all of them take about 40 minutes. The peers are Debian's
# packages, whose services Debian starts when it installs them; the benchmark runs its own.
# run.sh cost [options] tells instead what parts of Otto cost: metrics, the access log, a scrape (cost.py).
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit

here=$PWD/tests/bench build=$PWD/build/release
script=compare.py
if [ "${1-}" = cost ]; then
    script=cost.py
    shift
fi
case " $* " in *' --help '* | *' -h '* | *' --list '*) exec python3 -B "$here/$script" "$@" ;; esac

list=tests/bench/packages
[ $script = compare.py ] || list=--build
tests/setup.sh "$list" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "$@" > "$log" 2>&1 || { cat "$log" >&2; echo "run.sh: failed: $*" >&2; exit 1; }; }
quietly cmake --preset release
quietly cmake --build --preset release --target otto bench_load bench_server
if [ $script = cost.py ]; then
    quietly cmake --preset release -B build/no-metrics -DOTTO_METRICS=OFF -DOTTO_TESTS=OFF
    quietly cmake --build build/no-metrics --target otto
    rm -f "$log"
    exec python3 -B "$here/cost.py" "$@"
fi
GOCACHE=$build/go-cache GO111MODULE=off GOPROXY=off GOFLAGS='' \
    quietly go build -o "$build/tests/reverse_proxy" "$here/reverse_proxy.go"
rm -f "$log"
exec python3 -B "$here/compare.py" --build "$build" "$@"
