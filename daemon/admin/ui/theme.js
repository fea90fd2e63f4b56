// Light or dark: what the system says, or what was chosen here before. It runs before the page is
// drawn, so that nothing flashes.
(() => {
    const key = "otto-theme";
    const modes = ["system", "light", "dark"];
    const read = () => {
        try {
            const kept = localStorage.getItem(key);
            return modes.includes(kept) ? kept : "system";
        } catch {
            return "system";
        }
    };
    const system = matchMedia("(prefers-color-scheme: dark)");
    const show = (mode) => {
        document.documentElement.dataset.theme =
            mode === "system" ? (system.matches ? "dark" : "light") : mode;
        const button = document.getElementById("theme");
        if (button) {
            button.textContent = { system: "Auto", light: "Light", dark: "Dark" }[mode];
            button.setAttribute(
                "aria-label",
                `Theme: ${{ system: "auto, same as the system", light: "light", dark: "dark" }[mode]}`,
            );
        }
        document.dispatchEvent(new Event("theme"));
    };
    show(read());
    system.addEventListener("change", () => show(read()));
    document.addEventListener("DOMContentLoaded", () => {
        show(read());
        document.getElementById("theme").addEventListener("click", () => {
            const next = modes[(modes.indexOf(read()) + 1) % modes.length];
            try {
                localStorage.setItem(key, next);
            } catch {
                // Without storage the choice lasts as long as the page.
            }
            show(next);
        });
    });
})();
