// Shows how two texts differ.

import { difference, hunks } from "./diff.js";
import { $, el, setText } from "./dom.js";
import { count, plural } from "./format.js";

const most = 2000; // lines that are shown

const looks = {
    "+": { name: "added", sign: "+" },
    "-": { name: "removed", sign: "−" },
    " ": { name: "same", sign: " " },
    "…": { name: "left-out", sign: "⋮" },
};

function line({ kind, text, old, now }) {
    const number = kind === "…" ? "" : String(kind === "-" ? old : now);
    return el(
        "div",
        { class: looks[kind].name },
        el("span", { class: "at", "aria-hidden": "true" }, number),
        el("span", { class: "sign" }, looks[kind].sign),
        el("span", { class: "line" }, text),
    );
}

// `none` is what to say when they do not.
export function showDifference(before, after, none) {
    const steps = difference(before, after);
    const number = (wanted) => steps.filter(([kind]) => kind === wanted).length;
    const added = number("+");
    const removed = number("-");
    const sum = `${plural(added, "line", "lines")} added, ${count(removed)} removed`;
    setText($("diff-sum"), added + removed ? sum : "");
    const shown = hunks(steps);
    $("diff").replaceChildren(...shown.slice(0, most).map(line));
    const more = shown.length - most;
    if (more > 0) $("diff").append(el("p", {}, `… and ${plural(more, "more line", "more lines")}`));
    if (!shown.length) $("diff").append(el("p", { class: "muted" }, none));
}
