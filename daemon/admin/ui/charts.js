// The three charts of the last five minutes, drawn by Chart.js. Nothing is drawn while no user can
// see it.

import { $, setAttribute, setText } from "./dom.js";
import { latency, percent, rate } from "./format.js";
import { counters, history, news, span } from "./state.js";

const charts = [];
const words = 10; // seconds between changes of the text alternatives, which are read aloud

const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// `lines`: {key, colour (a CSS variable), dash, fill}. `least`: what the axis reaches in any case.
function make(id, lines, least, format) {
    const chart = new Chart($(id), {
        type: "line",
        data: {
            datasets: lines.map((line) => ({
                data: [],
                borderWidth: 1.75,
                borderDash: line.dash ?? [],
                pointRadius: 0,
                pointHitRadius: 0,
                tension: 0,
                fill: line.fill ? "origin" : false,
                spanGaps: false,
            })),
        },
        options: {
            animation: false,
            responsive: true,
            maintainAspectRatio: false,
            parsing: false,
            normalized: true,
            events: [],
            layout: { padding: 0 },
            plugins: { legend: { display: false }, tooltip: { enabled: false } },
            scales: {
                x: {
                    type: "linear",
                    min: -span,
                    max: 0,
                    grid: { drawTicks: false },
                    ticks: {
                        stepSize: 60,
                        autoSkip: false,
                        maxRotation: 0,
                        padding: 6,
                        callback: (value) =>
                            value === 0 ? "now" : value % 120 ? "" : `−${-value / 60} min`,
                    },
                },
                y: {
                    beginAtZero: true,
                    suggestedMax: least,
                    grid: { drawTicks: false },
                    border: { display: false },
                    ticks: {
                        maxTicksLimit: 4,
                        padding: 6,
                        callback: (value) => (value === 0 ? "0" : format(value)),
                    },
                },
            },
        },
    });
    charts.push({ chart, lines });
    return chart;
}

function paint() {
    const grid = variable("--grid");
    const text = variable("--muted");
    for (const { chart, lines } of charts) {
        lines.forEach((line, at) => {
            chart.data.datasets[at].borderColor = variable(line.colour);
            chart.data.datasets[at].backgroundColor = variable(line.fill ?? line.colour);
        });
        for (const scale of Object.values(chart.options.scales)) {
            scale.grid.color = grid;
            scale.grid.borderColor = grid;
            scale.ticks.color = text;
            scale.ticks.font = { family: variable("--font"), size: 11 };
        }
        chart.update("none");
    }
}

function draw() {
    const now = history.length ? history[history.length - 1].at : 0;
    for (const { chart, lines } of charts) {
        lines.forEach((line, at) => {
            chart.data.datasets[at].data = history.map((entry) => ({
                x: entry.at - now,
                y: entry[line.key] ?? NaN,
            }));
        });
        chart.update("none");
    }
}

function numbers() {
    setText($("now-requests"), rate(counters.requestsPerSecond));
    setText($("now-errors"), percent((history[history.length - 1]?.errors ?? 0) / 100));
    for (const key of ["p50", "p90", "p99"])
        setText($(`now-${key}`), latency(counters.latency?.[key]));
}

function describe(id, what, key, format) {
    const values = history.map((entry) => entry[key]).filter((value) => value !== null);
    if (!values.length) return setAttribute($(id), "aria-label", `${what}: no data yet`);
    const least = values.reduce((a, b) => Math.min(a, b));
    const most = values.reduce((a, b) => Math.max(a, b));
    const now = format(values[values.length - 1]);
    return setAttribute(
        $(id),
        "aria-label",
        `${what}, last 5 minutes: now ${now}, between ${format(least)} and ${format(most)}`,
    );
}

let visible = () => true;
let spoken = 0;
function tick() {
    if (!counters) return;
    numbers();
    if (!visible()) return;
    draw();
    const at = performance.now() / 1000;
    if (spoken && at - spoken < words) return;
    spoken = at;
    describe("chart-requests", "Requests per second", "requests", rate);
    describe("chart-errors", "Share of errors", "errors", (value) => `${percent(value / 100)} %`);
    describe("chart-latency", "Latency at p99", "p99", latency);
}

export function startCharts(isVisible) {
    visible = isVisible;
    make("chart-requests", [{ key: "requests", colour: "--line-1", fill: "--line-fill" }], 1, rate);
    make(
        "chart-errors",
        [{ key: "errors", colour: "--line-bad", fill: "--line-bad-fill" }],
        1,
        (value) => `${percent(value / 100)} %`,
    );
    make(
        "chart-latency",
        [
            { key: "p50", colour: "--line-1" },
            { key: "p90", colour: "--line-2", dash: [5, 3] },
            { key: "p99", colour: "--line-3", dash: [1.5, 2.5] },
        ],
        1,
        latency,
    );
    paint();
    document.addEventListener("theme", paint);
    document.addEventListener("visibilitychange", tick);
    news.addEventListener("counters", tick);
    return tick;
}
