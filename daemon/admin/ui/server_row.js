// One row of the table: an element that shows one server at a time. The cells are made once;
// afterwards only what differs is touched.

import { drawing, el, setAttribute, setText } from "./dom.js";
import { count, latency, rate } from "./format.js";
import { condition, trail } from "./state.js";
import { conditions, shareText, why } from "./server_text.js";

const width = 84;
const height = 22;

export const columns = [
    { key: "state", title: "State" },
    { key: "name", title: "Server" },
    { key: "why", title: "Why" },
    { key: "share", title: "Share", of: (server) => -(server.share ?? 0) },
    { key: "latency", title: "p50, last minute", of: (server) => -(server.p50 ?? -1) },
    {
        key: "requests",
        title: "Req/s",
        number: true,
        of: (server) => -(server.requestsPerSecond ?? 0),
    },
    { key: "errors", title: "Err/s", number: true, of: (server) => -(server.errorsPerSecond ?? 0) },
    { key: "active", title: "In flight", number: true, of: (server) => -(server.active ?? 0) },
    {
        key: "retries",
        title: "Retry/s",
        number: true,
        of: (server) => -(server.retriesPerSecond ?? 0),
    },
    { key: "weight", title: "Weight", number: true, of: (server) => -server.weight },
    { key: "actions", title: "" },
];

function points(trace) {
    const most = trace.reduce((a, b) => Math.max(a, b ?? 0), 0) || 1;
    let line = "";
    let pen = "M";
    trace.forEach((value, at) => {
        if (value === null) {
            pen = "M";
            return;
        }
        const x = width - (trace.length - 1 - at) * (width / (trail - 1));
        const y = height - 1.5 - (value / most) * (height - 3);
        line += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
        pen = "L";
    });
    return line;
}

export class Row {
    constructor(act) {
        this.mark = el("span", { class: "mark", "aria-hidden": "true" });
        this.word = el("span");
        this.name = el("button", {
            type: "button",
            class: "link",
            onclick: () => act.details(this.server),
        });
        this.url = el("span", { class: "url" });
        this.tags = el("span", { class: "tags" });
        this.why = el("span", { class: "clamp" });
        this.bar = el("span");
        this.share = el("span", { class: "value" });
        this.line = drawing("path", { fill: "none", stroke: "currentColor" });
        this.spark = drawing("svg", {
            viewBox: `0 0 ${width} ${height}`,
            width,
            height,
            "aria-hidden": "true",
        });
        this.spark.append(this.line);
        this.p50 = el("span", { class: "value" });
        this.button = el(
            "button",
            {
                type: "button",
                class: "more",
                "aria-haspopup": "menu",
                "aria-expanded": "false",
                onclick: () => act.menu(this.button, this.server),
            },
            "⋯",
        );
        const cells = {
            state: [el("span", { class: "badge" }, this.mark, this.word)],
            name: [this.name, el("span", { class: "second" }, this.url, this.tags)],
            why: [this.why],
            share: [el("span", { class: "bar", "aria-hidden": "true" }, this.bar), this.share],
            latency: [this.spark, this.p50],
            actions: [this.button],
        };
        this.node = el("div", { role: "row", class: "row" });
        for (const { key, title, number } of columns) {
            const cell = el("div", {
                role: "cell",
                class: `cell ${key}${number ? " number" : ""}`,
            });
            if (title) cell.append(el("span", { class: "label", "aria-hidden": "true" }, title));
            if (number) {
                this[key] = el("span", { class: "value" });
                cell.append(this[key]);
            } else {
                cell.append(...cells[key]);
            }
            this.node.append(cell);
        }
    }

    // `position` counts from 0; `most` is the greatest share of any server, which fills the bar.
    show(server, position, top, height, most) {
        this.server = server;
        setAttribute(this.node, "aria-rowindex", String(position + 2));
        if (this.top !== top) {
            this.top = top;
            this.node.style.transform = `translateY(${top}px)`;
        }
        if (this.height !== height) {
            this.height = height;
            this.node.style.height = `${height}px`;
        }
        this.refresh(most);
    }

    refresh(most) {
        const server = this.server;
        const look = conditions[condition(server)];
        setAttribute(this.node, "data-tone", look.tone);
        setText(this.mark, look.mark);
        setText(this.word, look.word);
        setText(this.name, server.name);
        setAttribute(this.name, "title", server.name);
        setText(this.url, server.url === server.name ? "" : server.url);
        setText(
            this.tags,
            [server.backup && "backup", server.changed && "changed"].filter(Boolean).join(", "),
        );
        const text = why(server);
        setText(this.why, text);
        setAttribute(this.why, "title", text);
        this.bar.style.width = `${most > 0 ? (100 * (server.share ?? 0)) / most : 0}%`;
        setText(this.share, shareText(server));
        setAttribute(this.line, "d", points(server.trace));
        setText(this.p50, latency(server.p50));
        setAttribute(this.p50, "title", `p90 ${latency(server.p90)}, p99 ${latency(server.p99)}`);
        this.number("requests", rate(server.requestsPerSecond));
        this.number("errors", rate(server.errorsPerSecond));
        this.errors.classList.toggle("bad", server.errorsPerSecond > 0);
        this.number("active", count(server.active));
        this.number("retries", rate(server.retriesPerSecond));
        this.number("weight", count(server.weight));
        setAttribute(this.button, "aria-label", `Actions for ${server.name}`);
    }
    number(key, text) {
        setText(this[key], text);
        this[key].classList.toggle("zero", text === "0");
    }
}
