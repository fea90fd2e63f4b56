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
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

full=${1-}
declare -A targets=(
    [release]="integration_programs otto_head_cost"
    [asan]="integration_programs otto_unit fuzzers"
    [tsan]="integration_programs"
)
declare -A labels=([release]="^(lint|cost|integration)$" [asan]="^(unit|fuzz|asan)$" [tsan]="^tsan$")
if [ "$full" = --full ]; then
    targets=([release]=all [asan]=all [tsan]=all)
    labels=([release]="^(lint|cost|unit|fuzz|integration)$" [asan]=. [tsan]=.)
fi

# build PRESET
build() {
    local each
    read -r -a each <<< "${targets[$1]}"
    cmake --preset "$1" > /dev/null && cmake --build --preset "$1" --target "${each[@]}"
}
# Most integration tests wait most of the time.
check() { ctest --preset "$1" --no-tests=error -L "${labels[$1]}" -j "$(($(nproc) + 1))"; }

# The tests of the release build leave the processor idle most of the time: the other builds take what is left, in a process
# group of their own.
build_behind() {
    set -m
    (
        renice -n 19 "$BASHPID" > /dev/null
        build asan && build tsan
    ) > build/sanitizers.log 2>&1 &
    set +m
    behind=$!
    trap 'kill -- "-$behind" 2> /dev/null' EXIT
}
built_behind() {
    wait "$behind" || { cat build/sanitizers.log; return 1; }
}

step "set up" tests/setup.sh || exit
if step "build release" build release; then
    build_behind
    step "tests of release" check release
    step "tests in a booted system" as_root ctest --preset release --no-tests=error -L '^systemd$' -j "$(nproc)"
    if step "build asan and tsan, the rest" built_behind; then
        step "tests of asan" check asan
        step "tests of tsan" check tsan
    fi
fi

printf '\n'
printf '%s\n' "${summary[@]}"
exit "$failed"
