// Numbers and times for people.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
});
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

export const count = (value) => whole.format(value ?? 0);

export function rate(value) {
    if (!value) return "0";
    if (value < 0.05) return "<0.1";
    return value < 10 ? tenths.format(value) : whole.format(value);
}

export function percent(share) {
    const value = 100 * share;
    if (!value) return "0";
    if (value < 0.1) return "<0.1";
    return value < 10 ? tenths.format(value) : whole.format(value);
}

// Of milliseconds, with three figures that count.
export function latency(value) {
    if (value === null || value === undefined) return "–";
    if (value < 1) return `${Math.round(value * 1000)} µs`;
    if (value < 10) return `${tenths.format(value)} ms`;
    if (value < 10000) return `${whole.format(value)} ms`;
    return `${tenths.format(value / 1000)} s`;
}

export function duration(seconds) {
    const value = Math.max(0, Math.floor(seconds));
    if (value < 60) return `${value} s`;
    if (value < 3600) return `${Math.floor(value / 60)} min`;
    if (value < 86400)
        return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
    return `${Math.floor(value / 86400)} d ${Math.floor((value % 86400) / 3600)} h`;
}

export function time(text) {
    const at = new Date(text);
    if (Number.isNaN(at.getTime())) return "";
    const today = new Date().toDateString() === at.toDateString();
    return today ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`;
}

export const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
