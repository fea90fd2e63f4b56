// The page: an event stream feeds what is known (state.js), and the views show it.

import { access, setToken, signedIn } from "./api.js";
import { startCharts } from "./charts.js";
import { startConfig } from "./config.js";
import { signIn } from "./dialogs.js";
import { $, say, setAttribute, setText } from "./dom.js";
import { startEvents, takeRecord } from "./events.js";
import { count, duration, plural } from "./format.js";
import { startMenu } from "./menu.js";
import { startServers } from "./servers.js";
import { conditions } from "./server_text.js";
import {
    condition,
    counters,
    load,
    news,
    servers,
    status,
    takeCounters,
    takeHistory,
    takeServers,
} from "./state.js";
import { Stream } from "./stream.js";

const views = ["servers", "config", "events"];
let view = "servers";
let connected = false;
const seen = (name) => () => view === name && !document.hidden;

// ---- the header --------------------------------------------------------------------------------

// Otto says how its service is; the page only finds the mark for it.
function sentence() {
    if (!counters) return ["off", "○", connected ? "Starting …" : "Connecting …"];
    const [tone, mark] = {
        good: ["good", "●"],
        warning: ["warn", "▲"],
        bad: ["bad", "✕"],
    }[counters.verdict.tone];
    return [tone, mark, `${counters.verdict.text}.`];
}

function facts() {
    const list = [];
    if (counters) {
        list.push(
            `${count(counters.active)} in flight`,
            `${count(counters.queued)} queued`,
            plural(counters.connections, "connection", "connections"),
        );
        list.push(`generation ${counters.generation}`, `up ${duration(counters.uptimeSeconds)}`);
    }
    if (status?.changed) list.push("changed at run time");
    if (status?.version) list.push(`Otto ${status.version}`);
    return list.join(" · ");
}

function drawHeader() {
    if (document.hidden) return;
    const [tone, mark, text] = sentence();
    setAttribute($("state"), "data-tone", connected ? tone : "off");
    setText($("state-mark"), mark);
    setText($("state-text"), text);
    setText($("facts"), facts());
    drawNotice();
}

function drawNotice() {
    const lines = [];
    if (!connected && counters)
        lines.push("The connection to Otto is lost; this is its last known state. Reconnecting …");
    for (const note of counters?.verdict.notes ?? [])
        lines.push(`${note[0].toUpperCase()}${note.slice(1)}.`);
    for (const each of status ? status.changesLeftOut : [])
        lines.push(`${each.pointer.slice(1)}: ${each.reason}.`);
    setText($("notice"), lines.join(" "));
    $("notice").hidden = lines.length === 0;
}

function drawTitle() {
    setText(
        document.querySelector("title"),
        counters
            ? `${connected ? "" : "(lost) "}${counters.healthy}/${counters.total} healthy · Otto`
            : "Otto",
    );
}

function drawStream() {
    setText($("stream"), connected ? "live" : counters ? "connection lost" : "connecting");
    setAttribute($("stream"), "data-tone", connected ? "good" : counters ? "bad" : "off");
    document.body.classList.toggle("lost", !connected && counters !== null);
    drawHeader();
    drawTitle();
}

function drawAccess() {
    setText($("access"), signedIn() ? "signed in" : "read-only");
    setText($("sign"), signedIn() ? "Sign out" : "Sign in");
}

// ---- views -------------------------------------------------------------------------------------

function show(redraw) {
    const wanted = location.hash.slice(1);
    view = views.includes(wanted) ? wanted : "servers";
    for (const each of views) {
        $(`view-${each}`).hidden = each !== view;
        setAttribute($(`nav-${each}`), "aria-current", each === view ? "page" : null);
    }
    scrollTo(0, 0);
    redraw[view]?.();
}

// Read aloud; a crowd of servers becomes one sentence.
function announce({ flips }) {
    if (!flips.length) return;
    const one = (server) => {
        const word = conditions[condition(server)].word.toLowerCase();
        return `${server.name} is ${word}: ${server.reason}.`;
    };
    const crowd = `${plural(flips.length, "server", "servers")} changed state.`;
    setText($("flips"), flips.length > 3 ? crowd : flips.map(one).join(" "));
}

// What the stream says while the list of servers is being fetched is taken up afterwards: it says
// only what has changed since it spoke last.
function listen() {
    const stream = new Stream("/api/v1/events", ["record", "history", "counters", "servers"]);
    let waiting = null;
    const take =
        (handle) =>
        ({ detail }) =>
            waiting ? waiting.push(() => handle(detail.data)) : handle(detail.data);
    stream.addEventListener("open", async () => {
        waiting = [];
        try {
            await load();
            connected = true;
        } catch {
            connected = false; // the stream is about to say so, too
        }
        const missed = waiting;
        waiting = null;
        for (const each of missed) each();
        drawStream();
    });
    stream.addEventListener("lost", () => {
        connected = false;
        drawStream();
    });
    stream.addEventListener("record", ({ detail }) => takeRecord(detail.data, detail.id));
    stream.addEventListener("history", take(takeHistory));
    stream.addEventListener("counters", take(takeCounters));
    stream.addEventListener("servers", take(takeServers));
}

function start() {
    startMenu();
    const charts = startCharts(seen("servers"));
    const table = startServers(seen("servers"));
    const config = startConfig(seen("config"));
    const events = startEvents(() => !document.hidden, seen("events"));
    const redraw = {
        servers: () => {
            charts();
            table();
        },
        config,
        events,
    };
    addEventListener("hashchange", () => show(redraw));
    document.addEventListener("visibilitychange", () => {
        if (document.hidden) return;
        drawHeader();
        if (view === "servers") table();
    });
    news.addEventListener("counters", () => {
        drawHeader();
        drawTitle();
    });
    news.addEventListener("servers", (event) => {
        drawHeader();
        announce(event.detail);
    });
    news.addEventListener("status", drawHeader);
    access.addEventListener("change", drawAccess);
    $("sign").addEventListener("click", async () => {
        if (signedIn()) setToken("");
        else if (await signIn()) say("Signed in.");
    });
    drawAccess();
    show(redraw);
    listen();
}

start();
