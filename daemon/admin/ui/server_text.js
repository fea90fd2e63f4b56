// How a server is, in words.

import { count, duration, latency, percent, rate } from "./format.js";
import { condition, since } from "./state.js";

// The mark stands beside the word, so that colour is never all there is.
export const conditions = {
    healthy: { word: "Healthy", mark: "●", tone: "good", trouble: false },
    checking: { word: "Checking", mark: "○", tone: "off", trouble: false },
    ejected: { word: "Ejected", mark: "▲", tone: "warn", trouble: true },
    unhealthy: { word: "Unhealthy", mark: "✕", tone: "bad", trouble: true },
    draining: { word: "Draining", mark: "◐", tone: "warn", trouble: false },
    drained: { word: "Drained", mark: "■", tone: "off", trouble: false },
    disabled: { word: "Disabled", mark: "■", tone: "off", trouble: false },
};

// Otto's sentence about it: the last check's error, until when it is ejected, how much is left. Its
// durations go on here.
export function why(server) {
    const passed = since(server);
    const now = {
        healthy: (server.healthForSeconds ?? 0) + passed,
        unhealthy: (server.healthForSeconds ?? 0) + passed,
        ejected: (server.ejectedForSeconds ?? 0) - passed,
    };
    return (server.why ?? "").replace(
        /^(healthy|unhealthy|ejected) for \d+ \w+/,
        (_, word) => `${word} for ${duration(now[word])}`,
    );
}

export const shareText = (server) => `${percent(server.share ?? 0)} %`;

export function details(server) {
    const limit = server.maxConnections ? count(server.maxConnections) : "no limit";
    return [
        ["Address", server.url],
        ["State", `${conditions[condition(server)].word}${server.backup ? ", backup" : ""}`],
        ["Last check", server.reason || "none"],
        ["Weight, share", `${count(server.weight)}, ${shareText(server)}`],
        ["In flight", `${count(server.active)} (${limit})`],
        ["Requests", `${count(server.requests)} in all, ${rate(server.requestsPerSecond)} /s`],
        ["Errors", `${count(server.errors)} in all, ${rate(server.errorsPerSecond)} /s`],
        ["Retries", `${count(server.retries)} in all, ${rate(server.retriesPerSecond)} /s`],
        [
            "Latency",
            `p50 ${latency(server.p50)}, p90 ${latency(server.p90)}, p99 ${latency(server.p99)}`,
        ],
        ["Changed at run time", server.changed ? "yes" : "no"],
    ];
}
