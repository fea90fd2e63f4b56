#!/bin/bash
# run.sh [--full]: sets up what is needed, builds Otto plainly and with sanitizers, and runs all tests. Exit status 0: all
# passed. The sanitizers see the unit tests and one script per behaviour (labels asan and tsan); with --full every script.
# The tests in a booted system need root; another user is asked by sudo.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

summary=() failed=0
step() {
    local name=$1 start=$SECONDS
    shift
    printf '\n=== %s\n' "$name"
    if "$@"; then
        summary+=("ok      $name ($((SECONDS - start)) s)")
        return 0
    fi
    summary+=("FAILED  $name ($((SECONDS - start)) s)")
    failed=1
    return 1
}
build() { cmake --preset "$1" > /dev/null && cmake --build --preset "$1"; }
check() { ctest --preset "$1" --no-tests=error "${@:2}"; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

step "set up" tests/setup.sh || exit
if step "build release" build release; then
    step "lint, unit, integration and corpus tests" check release -L '^(lint|unit|integration|fuzz)$' -j "$(nproc)"
    step "tests in a booted system" as_root ctest --preset release --no-tests=error -L '^systemd$'
fi
for preset in asan tsan; do
    which=()
    [ "${1-}" = --full ] || which=(-L "^(unit|fuzz|$preset)\$")
    ! step "build $preset" build "$preset" || step "tests under $preset" check "$preset" "${which[@]}" -j "$(nproc)"
done

printf '\n'
printf '%s\n' "${summary[@]}"
exit "$failed"
