#!/bin/bash
# run.sh [--full]: sets up what is needed, builds Otto plainly and with sanitizers, and runs all tests. Exit status 0: all
# passed. Unit tests and corpora run under ASan+UBSan; the integration tests run on the release build, those labelled asan
# or tsan under that sanitizer, too. With --full every test runs in each build.
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
build() { cmake --preset "$1" > /dev/null && cmake --build --preset "$1" "${@:2}"; }
check() { ctest --preset "$1" --no-tests=error "${@:2}"; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Most integration tests wait most of the time.
jobs=$(($(nproc) + 1))

# run PRESET TARGETS LABELS: builds these targets and runs the tests with these labels.
run() {
    local targets labels
    read -r -a targets <<< "--target $2"
    labels=(-L "^($3)\$")
    if [ "$full" = --full ]; then
        targets=() labels=()
        [ "$1" != release ] || labels=(-L '^(lint|cost|unit|fuzz|integration)$')
    fi
    step "build $1" build "$1" "${targets[@]}" && step "tests of $1" check "$1" "${labels[@]}" -j "$jobs"
}

full=${1-}
step "set up" tests/setup.sh || exit
run release "integration_programs otto_head_cost" "lint|cost|integration"
step "tests in a booted system" as_root ctest --preset release --no-tests=error -L '^systemd$' -j "$(nproc)"
run asan "integration_programs otto_unit fuzzers" "unit|fuzz|asan"
run tsan "integration_programs" "tsan"

printf '\n'
printf '%s\n' "${summary[@]}"
exit "$failed"
