// A text area with line numbers, and marks at the lines that have errors.

import { $, el, setAttribute, setText } from "./dom.js";

const change = new EventTarget();
export const edits = change; // "input"

let lines = 0;
let lineHeight = 20;

export const text = () => $("text").value;

export function setEditorText(value) {
    $("text").value = value;
    $("text").scrollTop = 0;
    clearFaults();
    number();
}

function number() {
    let now = 1;
    const value = text();
    for (let at = value.indexOf("\n"); at >= 0; at = value.indexOf("\n", at + 1)) ++now;
    if (now === lines) return;
    lines = now;
    setText($("numbers"), Array.from({ length: lines }, (_, at) => at + 1).join("\n"));
}

function follow() {
    const area = $("text");
    $("numbers").style.transform = `translateY(${-area.scrollTop}px)`;
    $("marks").style.transform = `translateY(${-area.scrollTop}px)`;
}

export function clearFaults() {
    $("faults-box").hidden = true;
    $("faults").replaceChildren();
    $("marks").replaceChildren();
    $("text").removeAttribute("aria-invalid");
}

// Puts the cursor there and shows the line.
export function jump(line, column) {
    const area = $("text");
    const value = area.value;
    let start = 0;
    for (let at = 1; at < line; ++at) {
        const next = value.indexOf("\n", start);
        if (next < 0) break;
        start = next + 1;
    }
    const end = value.indexOf("\n", start);
    // Columns count bytes; beyond ASCII the line's end is near enough.
    const from = Math.min(start + Math.max(0, column - 1), end < 0 ? value.length : end);
    area.focus();
    area.setSelectionRange(from, end < 0 ? value.length : end);
    area.scrollTop = Math.max(0, (line - 1) * lineHeight - area.clientHeight / 3);
    area.scrollLeft = 0;
    follow();
}

// `faults`: {line, column, pointer, detail}; in the text, or in the file when `title` says so.
export function showFaults(faults, title, inText = true) {
    clearFaults();
    setText($("faults-title"), title);
    $("faults-box").hidden = false;
    $("faults").append(
        ...faults.slice(0, 100).map((fault) => {
            const place = fault.line
                ? `Line ${fault.line}, column ${fault.column}`
                : fault.pointer || "Everywhere";
            const words = [
                el("b", {}, place),
                ` ${fault.detail}`,
                fault.line && fault.pointer
                    ? el("span", { class: "muted" }, ` ${fault.pointer}`)
                    : "",
            ];
            if (!inText || !fault.line) return el("li", {}, ...words);
            return el(
                "li",
                {},
                el(
                    "button",
                    { type: "button", onclick: () => jump(fault.line, fault.column) },
                    ...words,
                ),
            );
        }),
    );
    if (!inText) return;
    setAttribute($("text"), "aria-invalid", "true");
    for (const line of new Set(faults.map((fault) => fault.line).filter(Boolean))) {
        const mark = el("div", { class: "mark-line", "data-line": String(line) });
        mark.style.top = `${(line - 1) * lineHeight}px`;
        mark.style.height = `${lineHeight}px`;
        $("marks").append(mark);
    }
    if (faults[0]?.line) jump(faults[0].line, faults[0].column);
}

export function startEditor() {
    const area = $("text");
    lineHeight = parseFloat(getComputedStyle(area).lineHeight) || 20;
    area.addEventListener("scroll", follow, { passive: true });
    area.addEventListener("input", () => {
        clearFaults();
        number();
        change.dispatchEvent(new Event("input"));
    });
}
