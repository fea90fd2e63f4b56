// What is known of Otto: its servers, the latest counters, and the last minutes of them. Everything
// here is of bounded size.

import { read } from "./api.js";

export const span = 300; // seconds that the charts show
export const trail = 60; // latencies that a server's line shows

// Events: "counters", "servers" (some may have come or gone: detail.changed, detail.flips),
// "status".
export const news = new EventTarget();
const tell = (type, detail) => news.dispatchEvent(new CustomEvent(type, { detail }));

export const servers = new Map(); // by id, in the order of the configuration
export const history = []; // {at, requests, errors, p50, p90, p99}, the oldest first
export let counters = null;
export let status = null;
let generation = null;
let arrivals = 0; // where the next new server stands

function adopt(shown, known) {
    const server = known ?? { trace: [], place: arrivals };
    Object.assign(server, shown, { told: performance.now() });
    server.p50 = shown.latency?.p50 ?? null;
    server.p90 = shown.latency?.p90 ?? null;
    server.p99 = shown.latency?.p99 ?? null;
    servers.set(shown.id, server);
    return server;
}

// Loads all servers again once the stream is open. From then on the stream sends the changes.
export async function load() {
    const [list, overview] = await Promise.all([read("/api/v1/servers"), read("/api/v1/status")]);
    const gone = new Map(servers);
    servers.clear();
    arrivals = 0;
    for (const shown of list.json.servers) adopt(shown, gone.get(shown.id)).place = arrivals++;
    generation = list.json.generation;
    status = overview.json;
    tell("servers", { structure: true, flips: [] });
    tell("status");
}

export async function refreshStatus() {
    status = (await read("/api/v1/status")).json;
    tell("status");
}

export function takeServers(event) {
    const flips = [];
    let structure = false;
    for (const id of event.removed ?? []) structure = servers.delete(id) || structure;
    for (const shown of event.changed ?? []) {
        const known = servers.get(shown.id);
        const flipped = known && (known.health !== shown.health || known.ejected !== shown.ejected);
        const server = adopt(shown, known);
        if (flipped) flips.push(server);
        if (known) continue;
        server.place = arrivals++;
        structure = true;
    }
    tell("servers", { structure, flips });
}

export function takeCounters(event) {
    counters = event;
    for (const [id, requests, errors, retries, active, p50, p99] of event.servers ?? []) {
        const server = servers.get(id);
        if (!server) continue;
        server.requestsPerSecond = requests;
        server.errorsPerSecond = errors;
        server.retriesPerSecond = retries;
        server.active = active;
        server.p50 = p50;
        server.p99 = p99;
    }
    for (const server of servers.values()) {
        server.trace.push(server.p50);
        if (server.trace.length > trail) server.trace.shift();
    }
    note(event);
    if (generation !== null && event.generation !== generation) {
        generation = event.generation;
        refreshStatus().catch(() => {}); // the stream says that Otto does not answer
    }
    tell("counters");
}

const moment = (at, requests, errors, p50, p90, p99) => ({
    at,
    requests,
    errors: requests > 0 ? Math.min(100, (100 * errors) / requests) : 0,
    p50: p50 ?? null,
    p90: p90 ?? null,
    p99: p99 ?? null,
});

// What was before the stream opened, one sample a second. The counters that follow have the last of
// them again.
export function takeHistory(event) {
    const now = Date.now() / 1000;
    const samples = event.samples.slice(-span, -1);
    history.length = 0;
    samples.forEach((sample, at) => history.push(moment(now - samples.length + at, ...sample)));
}

function note(event) {
    const at = Date.now() / 1000;
    const { p50, p90, p99 } = event.latency ?? {};
    history.push(moment(at, event.requestsPerSecond, event.errorsPerSecond, p50, p90, p99));
    while (history.length > span + 10 || (history.length && history[0].at < at - span - 5))
        history.shift();
}

// One word for how a server is: what its badge says, what it is sorted and counted by.
export function condition(server) {
    if (server.state === "disabled") return "disabled";
    if (server.state === "drain" || server.weight === 0)
        return server.active > 0 ? "draining" : "drained";
    if (server.health === "unhealthy") return "unhealthy";
    if (server.ejected) return "ejected";
    return server.health === "healthy" ? "healthy" : "checking";
}

// Seconds since Otto said how long something has lasted.
export const since = (server) => (performance.now() - server.told) / 1000;
