#!/bin/bash
# demo.sh [--once]: builds Otto, runs it on port 8080 over five servers on the ports 5001 to 5005, and shows it at work: requests
# being balanced, a server being killed and healed. It goes on until Ctrl-C; with --once it ends, with 0 if all went well.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
case ${1-} in '' | --once) ;; *) sed -n '2,3s/^# //p' "$0"; exit 64 ;; esac

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else bold='' dim='' green='' red='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
right() { printf '%s  ✓ %s%s\n' "$green" "$*" "$plain"; }
die() { printf '%s  ✗ %s%s\n' "$red" "$*" "$plain"; exit 1; }

pids=()
finish() {
    local status=$?
    trap '' INT TERM
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2> /dev/null
    for pid in "${pids[@]}"; do tail --pid="$pid" -f /dev/null; done
    exit "$status"
}
trap finish EXIT
trap 'exit 0' INT TERM

say "Setting up and building (the first time takes a few minutes)"
tests/setup.sh --build || die "the packages that the build needs could not be installed"
log=$(mktemp)
{ cmake --preset release && cmake --build --preset release --target otto demo_server; } > "$log" 2>&1 ||
    { cat "$log"; rm -f "$log"; die "the build failed"; }
rm -f "$log"
right "build/release/daemon/otto"

# Each program's first word is awaited, so that nothing needs to sleep.
server_pid=()
start_server() {
    local ready out
    exec {out}< <(exec build/release/tests/demo_server --port "500$1" --name "server-$1" 2>&1)
    server_pid[$1]=$!
    pids+=("$!")
    read -r -t 20 ready <&"$out"
    [ "$ready" = "ready 500$1" ] || die "server-$1 did not start: $ready"
}

# Otto's log, line by line, until one that matches.
await() {
    local line
    while read -r -t 60 line <&"$otto_log"; do
        printf '%s  otto: %s%s\n' "$dim" "$line" "$plain"
        [[ $line != *$1* ]] || return 0
    done
    die "Otto did not say: $1"
}

# Sends that many requests, each on its own connection, shows which servers answered, and keeps that in `answers`.
answers=()
request() {
    local index answer
    answers=()
    printf ' '
    for ((index = 0; index < $1; index++)); do
        answer=$(curl -sS --max-time 20 http://localhost:8080/) || { echo; die "a request failed"; }
        answers+=("${answer%% *}")
        printf ' %s' "${answer%% *}"
    done
    echo
}
answered() {
    local count=0 answer
    for answer in "${answers[@]}"; do [ "$answer" != "$1" ] || count=$((count + 1)); done
    echo "$count"
}

say "Five servers on the ports 5001 to 5005, and Otto on port 8080 with etc/config.json"
for index in 1 2 3 4 5; do start_server "$index"; done
exec {otto_log}< <(exec build/release/daemon/otto --config etc/config.json 2>&1)
pids+=("$!")
await " started: "
for index in 1 2 3 4 5; do await " is healthy: "; done

say "Ten requests to http://localhost:8080/"
request 10
for index in 1 2 3 4 5; do
    [ "$(answered "server-$index")" = 2 ] || die "server-$index answered $(answered "server-$index") of them, not 2"
done
right "each server answered two, in turn"

say "Killing server-3; ten more requests"
kill -KILL "${server_pid[3]}"
tail --pid="${server_pid[3]}" -f /dev/null
request 10
[ "$(answered server-3)" = 0 ] || die "server-3 answered though it is dead"
await "http://localhost:5003 is unhealthy"
right "the other four took over; no request failed"

say "Starting server-3 again; it returns once it has passed two checks, which Otto makes every second while it is down"
start_server 3
await "http://localhost:5003 is healthy"
request 50
[ "$(answered server-3)" -ge 1 ] || die "server-3 answered none of fifty requests"
right "server-3 answers again, with a share that increases for ten seconds"

if [ "${1-}" = --once ]; then
    say "Everything works."
    exit 0
fi
say "Try it yourself: curl http://localhost:8080/ (Ctrl-C ends the demo). The log of Otto:"
while read -r line <&"$otto_log"; do printf '  %s\n' "$line"; done
die "Otto ended"
