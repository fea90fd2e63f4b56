// The lines that differ between two texts (E. W. Myers, An O(ND) Difference Algorithm and Its
// Variations, 1986).

// Differences that are looked for; where there are more, all of it is shown as replaced.
const limit = 1200;

// The way from `a` to `b` as steps back through the rounds of the algorithm; null when there are
// too many.
function rounds(a, b) {
    const most = Math.min(a.length + b.length, limit);
    const offset = most + 1;
    let reach = new Int32Array(2 * most + 3);
    const kept = [];
    for (let depth = 0; depth <= most; ++depth) {
        kept.push(reach.slice());
        for (let k = -depth; k <= depth; k += 2) {
            const down =
                k === -depth || (k !== depth && reach[offset + k - 1] < reach[offset + k + 1]);
            let x = down ? reach[offset + k + 1] : reach[offset + k - 1] + 1;
            while (x < a.length && x - k < b.length && a[x] === b[x - k]) ++x;
            reach[offset + k] = x;
            if (x >= a.length && x - k >= b.length) return { kept, offset };
        }
    }
    return null;
}

function middle(a, b) {
    const found = rounds(a, b);
    if (!found) return [...a.map((text) => ["-", text]), ...b.map((text) => ["+", text])];
    const { kept, offset } = found;
    const steps = [];
    let x = a.length;
    let y = b.length;
    for (let depth = kept.length - 1; depth >= 0; --depth) {
        const reach = kept[depth];
        const k = x - y;
        const down = k === -depth || (k !== depth && reach[offset + k - 1] < reach[offset + k + 1]);
        // The round began with one step; what is alike followed it.
        const after = down ? reach[offset + k + 1] : reach[offset + k - 1] + 1;
        while (x > (depth === 0 ? 0 : after)) {
            steps.push([" ", a[--x]]);
            --y;
        }
        if (depth === 0) break;
        if (down) steps.push(["+", b[--y]]);
        else steps.push(["-", a[--x]]);
    }
    return steps.reverse();
}

// [["-", line], ["+", line], [" ", line], …]
export function difference(before, after) {
    const a = before.split("\n");
    const b = after.split("\n");
    let start = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) ++start;
    let end = 0;
    while (
        end < a.length - start &&
        end < b.length - start &&
        a[a.length - 1 - end] === b[b.length - 1 - end]
    )
        ++end;
    const same = (lines) => lines.map((text) => [" ", text]);
    return [
        ...same(a.slice(0, start)),
        ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
        ...same(a.slice(a.length - end)),
    ];
}

// What differs, with `around` lines of what does not: {kind, text, old, now} with line numbers;
// kind "…" for what is left out.
export function hunks(steps, around = 3) {
    const near = new Uint8Array(steps.length);
    steps.forEach(([kind], at) => {
        if (kind !== " ") near.fill(1, Math.max(0, at - around), at + around + 1);
    });
    const shown = [];
    let old = 0;
    let now = 0;
    steps.forEach(([kind, text], at) => {
        if (kind !== "+") ++old;
        if (kind !== "-") ++now;
        if (near[at]) shown.push({ kind, text, old, now });
        else if (shown.length && shown[shown.length - 1].kind !== "…")
            shown.push({ kind: "…", text: "" });
    });
    if (shown.length && shown[shown.length - 1].kind === "…") shown.pop();
    return shown;
}
