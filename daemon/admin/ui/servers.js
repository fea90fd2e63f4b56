// The table of servers. Only the rows that can be seen exist, so that thousands of servers cost no
// more than twenty.

import { actionsFor, add } from "./actions.js";
import { $, el, setAttribute, setText } from "./dom.js";
import { count, plural } from "./format.js";
import { menuOpener, openMenu } from "./menu.js";
import { Ruler } from "./ruler.js";
import { Row, columns } from "./server_row.js";
import { conditions, details, why } from "./server_text.js";
import { condition, news, servers } from "./state.js";

const beyond = 6; // rows that are kept above and below the window
// As in servers.css: a card's reason has two lines without growing, and there is a gap below it.
const narrow = matchMedia("(max-width: 62rem)");
const phone = matchMedia("(max-width: 30rem)"); // starts with what is in trouble
const lines = 2;
const lineHeight = 17;
const padding = 26;
const gap = 8;
const names = new Intl.Collator("en", { numeric: true });
const gravity = ["unhealthy", "ejected", "draining", "checking", "drained", "disabled", "healthy"];
const groups = [
    { key: "all", title: "All", has: () => true },
    { key: "trouble", title: "Trouble", has: (kind) => conditions[kind].trouble },
    { key: "healthy", title: "Healthy", has: (kind) => kind === "healthy" },
    {
        key: "out",
        title: "Out of service",
        has: (kind) => ["draining", "drained", "disabled"].includes(kind),
    },
];

const rows = new Map(); // by position
let order = [];
let sort = { key: "", down: false }; // "": as configured
let sorted = false; // by choice
let tops = [0]; // of the rows in `order`, and where the last one ends
let group = "all";
let wanted = "";
let rowHeight = 44;
let cards = false; // a narrow screen, where a row grows with its reason
let pending = false;
let shown = null; // the server in the dialog of details
let visible = () => true;

const compare = {
    state: (a, b) => gravity.indexOf(condition(a)) - gravity.indexOf(condition(b)),
    name: (a, b) => names.compare(a.name, b.name),
    why: (a, b) => names.compare(why(a), why(b)),
};
for (const { key, of } of columns) if (of) compare[key] = (a, b) => of(a) - of(b);

function fits(server) {
    if (!groups.find((each) => each.key === group).has(condition(server))) return false;
    if (!wanted) return true;
    return [server.name, server.url, why(server)].some((text) =>
        text.toLowerCase().includes(wanted),
    );
}

function arrange() {
    order = [...servers.values()].filter(fits);
    order.sort((a, b) => {
        const by = sort.key ? compare[sort.key](a, b) * (sort.down ? -1 : 1) : 0;
        return by || a.place - b.place;
    });
    stack();
    place();
}

// Where each row stands.
function stack() {
    const width = $("rows").clientWidth - padding;
    const ruler = cards ? new Ruler(getComputedStyle($("rows")).fontFamily, width) : null;
    tops = [0];
    for (const server of order) {
        const more = ruler ? Math.max(0, ruler.lines(why(server)) - lines) * lineHeight : 0;
        tops.push(tops[tops.length - 1] + rowHeight + more);
    }
}

// The row at this height, or the one after the last.
function rowAt(y) {
    let low = 0;
    let high = order.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (tops[middle + 1] <= y) low = middle + 1;
        else high = middle;
    }
    return low;
}

// Nothing moves from under the pointer or the keyboard.
const held = () =>
    $("rows").contains(document.activeElement) ||
    $("rows").matches(":hover") ||
    menuOpener() !== null;

function place() {
    pending = false;
    if (!visible()) return;
    const box = $("rows");
    box.style.height = `${tops[order.length]}px`;
    const top = box.getBoundingClientRect().top;
    const first = Math.max(0, rowAt(-top) - beyond);
    const last = Math.min(order.length, rowAt(innerHeight - top) + 1 + beyond);
    const spare = [];
    for (const [position, row] of rows) {
        if (position >= first && position < last) continue;
        spare.push(row);
        rows.delete(position);
    }
    let most = 0;
    for (const server of servers.values()) most = Math.max(most, server.share ?? 0);
    let next = null;
    for (let position = last - 1; position >= first; --position) {
        let row = rows.get(position);
        if (!row) {
            row = spare.pop() ?? new Row({ details: showDetails, menu: showMenu });
            rows.set(position, row);
            box.insertBefore(row.node, next);
        }
        const height = tops[position + 1] - tops[position] - (cards ? gap : 0);
        row.show(order[position], position, tops[position], height, most);
        next = row.node;
    }
    for (const row of spare) row.node.remove();
    setAttribute($("table"), "aria-rowcount", String(order.length + 1));
    tellEmpty();
}

function tellEmpty() {
    $("empty").hidden = order.length > 0;
    setText($("empty"), servers.size ? "No server matches." : "There are no servers.");
    setText(
        $("totals"),
        order.length === servers.size
            ? plural(servers.size, "server", "servers")
            : `${count(order.length)} of ${plural(servers.size, "server", "servers")}`,
    );
}

function later() {
    if (pending) return;
    pending = true;
    requestAnimationFrame(place);
}

function measure() {
    rowHeight = parseFloat(getComputedStyle($("rows")).getPropertyValue("--row")) || 44;
    cards = narrow.matches;
    if (!sorted) sort = { key: phone.matches ? "state" : "", down: false };
    showSort();
    arrange();
}

function countGroups() {
    const kinds = [...servers.values()].map(condition);
    for (const { key, has } of groups) setText($(`chip-${key}`), count(kinds.filter(has).length));
}

function chooseSort(key) {
    sorted = true;
    sort =
        sort.key !== key
            ? { key, down: false }
            : sort.down
              ? { key: "", down: false }
              : { key, down: true };
    showSort();
    arrange();
}

function showSort() {
    for (const head of $("head").children) {
        const mine = head.dataset.key === sort.key && sort.key !== "";
        setAttribute(head, "aria-sort", mine ? (sort.down ? "descending" : "ascending") : null);
    }
    $("sort").value = sort.key;
}

function showMenu(button, server) {
    const now = servers.get(server.id) ?? server;
    openMenu(button, `Actions for ${now.name}`, actionsFor(now));
}

function showDetails(server) {
    shown = server.id;
    refreshDetails();
    $("details-dialog").showModal();
}

function refreshDetails() {
    const server = servers.get(shown);
    if (!server) return $("details-dialog").close();
    setText($("details-title"), server.name);
    setText($("details-why"), why(server));
    const list = details(server);
    const box = $("details");
    if (box.childElementCount !== list.length)
        box.replaceChildren(...list.map(([name]) => el("div", {}, el("dt", {}, name), el("dd"))));
    list.forEach(([, value], at) => setText(box.children[at].lastChild, value));
    return undefined;
}

function build() {
    for (const { key, title, number } of columns) {
        const head = el("div", {
            role: "columnheader",
            class: `cell ${key}${number ? " number" : ""}`,
            "data-key": key,
        });
        if (title)
            head.append(el("button", { type: "button", onclick: () => chooseSort(key) }, title));
        else head.append(el("span", { class: "visually-hidden" }, "Actions"));
        $("head").append(head);
        if (title)
            $("sort").append(el("option", { value: key }, key === "latency" ? "Latency" : title));
    }
    $("sort").prepend(el("option", { value: "", selected: true }, "Configuration"));
    $("chips").append(
        ...groups.map(({ key, title }) =>
            el(
                "button",
                {
                    type: "button",
                    "data-group": key,
                    "aria-pressed": String(key === group),
                    onclick: () => {
                        group = key;
                        for (const chip of $("chips").children)
                            setAttribute(chip, "aria-pressed", String(chip.dataset.group === key));
                        arrange();
                    },
                },
                `${title} `,
                el("b", { id: `chip-${key}` }, "0"),
            ),
        ),
    );
}

export function startServers(isVisible) {
    visible = isVisible;
    build();
    measure();
    $("filter").addEventListener("input", () => {
        wanted = $("filter").value.trim().toLowerCase();
        arrange();
    });
    $("sort").addEventListener("change", () => {
        sorted = true;
        sort = { key: $("sort").value, down: false };
        showSort();
        arrange();
    });
    $("add").addEventListener("click", add);
    $("details-actions").addEventListener("click", () =>
        showMenu($("details-actions"), servers.get(shown)),
    );
    $("details-dialog")
        .querySelector('[value="cancel"]')
        .addEventListener("click", () => $("details-dialog").close());
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", measure);
    news.addEventListener("servers", (event) => {
        countGroups();
        if (event.detail.structure || !held()) return arrange();
        return later();
    });
    news.addEventListener("counters", () => {
        if (!visible()) return;
        countGroups();
        if ($("details-dialog").open) refreshDetails();
        if ((sort.key || cards) && !held()) arrange();
        else later();
    });
    return arrange;
}
