// The journal's latest records, the newest first: all of them in their view, the last few beside
// the charts.

import { $, el, setText } from "./dom.js";
import { plural, time } from "./format.js";

const most = 200;
const glimpse = 4;
const grave = new Set(["critical", "error", "warning"]);

const records = []; // the newest first
let paused = false;
let held = 0; // came while paused
let visible = () => true; // the page
let listed = () => true; // the list

const tone = (priority) => (priority === "warning" ? "warn" : grave.has(priority) ? "bad" : "calm");

function entry(record) {
    const head = [
        el("time", { datetime: record.time }, time(record.time)),
        el("span", { class: "priority", "data-tone": tone(record.priority) }, record.priority),
        el("span", { class: "text" }, record.text),
    ];
    const fields = Object.entries(record.fields ?? {});
    if (!fields.length) return el("li", {}, el("div", { class: "line" }, ...head));
    const list = el(
        "dl",
        {},
        ...fields.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]),
    );
    return el("li", {}, el("details", {}, el("summary", { class: "line" }, ...head), list));
}

const wanted = (record) => !$("events-warnings").checked || grave.has(record.priority);

function drawAll() {
    $("events").replaceChildren(...records.filter(wanted).map(entry));
    tell();
}

function tell() {
    const shown = $("events").childElementCount;
    setText(
        $("events-count"),
        paused && held
            ? `paused, ${plural(held, "more record", "more records")} since`
            : plural(shown, "record", "records"),
    );
}

function drawLatest() {
    $("latest").replaceChildren(
        ...records
            .slice(0, glimpse)
            .map((record) =>
                el(
                    "li",
                    { "data-tone": tone(record.priority) },
                    el("time", { datetime: record.time }, time(record.time)),
                    el("span", { title: record.text }, record.text),
                ),
            ),
    );
}

let pending = false;
let fresh = 0; // of the newest, not drawn yet
function draw() {
    pending = false;
    if (!visible()) return;
    drawLatest();
    if (paused || !listed()) return tell();
    const box = $("events");
    box.prepend(...records.slice(0, fresh).filter(wanted).map(entry));
    while (box.childElementCount > most) box.lastChild.remove();
    fresh = 0;
    return tell();
}

// A stream that is opened again repeats some of them.
export function takeRecord(record, id) {
    if (records.some((known) => known.id === id && known.time === record.time)) return;
    records.unshift({ ...record, id });
    if (records.length > most) records.pop();
    fresh = Math.min(fresh + 1, most);
    if (paused) ++held;
    if (pending || !visible()) return;
    pending = true;
    requestAnimationFrame(draw);
}

export function startEvents(isVisible, isListed) {
    visible = isVisible;
    listed = isListed;
    $("events-warnings").addEventListener("change", drawAll);
    $("events-pause").addEventListener("click", () => {
        paused = !paused;
        held = 0;
        fresh = 0;
        $("events-pause").setAttribute("aria-pressed", String(paused));
        setText($("events-pause"), paused ? "Resume" : "Pause");
        if (!paused) drawAll();
        tell();
    });
    document.addEventListener("visibilitychange", draw);
    return draw;
}
