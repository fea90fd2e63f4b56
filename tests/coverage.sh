#!/bin/bash
# coverage.sh [--full] [--require N] [--html FOLDER]: builds the preset "coverage", runs the unit tests, with --full the corpora
# of the fuzzers and the integration tests, too, and prints the line coverage of each folder of daemon/. With --require it
# fails if one of the folders whose code unit tests can reach is below N percent. --html leaves gcovr's pages in a folder.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

full="" require="" html=""
while [ $# -gt 0 ]; do
    case $1 in
        --full) full=1 ;;
        --require) require=$2 && shift ;;
        --html) html=$2 && shift ;;
        *) sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
    esac
    shift
done
command -v gcovr > /dev/null || { echo "coverage.sh: gcovr is missing: apt install gcovr" >&2 && exit 2; }

build=build/coverage
targets=(--target otto_unit)
[ -z "$full" ] || targets=()
cmake --preset coverage > /dev/null
cmake --build --preset coverage "${targets[@]}"
find "$build" -name '*.gcda' -delete

# One process for each CPU, because each process writes the counts of all files when it ends.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
shards=() failed=""
for ((shard = 0; shard < $(nproc); ++shard)); do
    GTEST_TOTAL_SHARDS=$(nproc) GTEST_SHARD_INDEX=$shard "$build/tests/otto_unit" --gtest_brief=1 >> "$log" 2>&1 &
    shards+=($!)
done
for shard in "${shards[@]}"; do wait "$shard" || failed=1; done
[ -z "$full" ] || ctest --preset coverage --no-tests=error -L '^(integration|fuzz)$' -LE browser > "$log" || failed=1
[ -z "$failed" ] || { cat "$log" && echo "coverage.sh: a test failed, so the figures are too low" >&2; }

pages=()
[ -z "$html" ] || { mkdir -p "$html" && pages=(--html-details "$html/index.html"); }
gcovr --root daemon --object-directory "$build" --filter daemon/ --gcov-ignore-parse-errors -j "$(nproc)" \
    --json-summary "$build/coverage.json" "${pages[@]}" "$build" > /dev/null
python3 - "$build/coverage.json" "$require" << 'END'
import collections
import json
import sys

REQUIRED = ("accept", "balance", "config", "control", "net", "proxy")  # and all that begin with "http"
folders = collections.defaultdict(lambda: [0, 0])
with open(sys.argv[1], encoding="utf-8") as file:
    for each in json.load(file)["files"]:
        folder = each["filename"].rpartition("/")[0] or "(root)"
        folders[folder][0] += each["line_covered"]
        folders[folder][1] += each["line_total"]
low = []
for folder, (covered, lines) in sorted(folders.items()):
    percent = 100 * covered / max(lines, 1)
    required = folder.startswith("http") or folder.split("/")[0] in REQUIRED
    if sys.argv[2] and required and percent < float(sys.argv[2]):
        low.append(folder)
    print(f"{folder:15} {percent:6.1f} % of {lines:5} lines{'   below ' + sys.argv[2] if folder in low else ''}")
sys.exit(1 if low else 0)
END
[ -z "$failed" ]
