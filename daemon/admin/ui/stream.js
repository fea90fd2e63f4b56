// The event stream (WHATWG HTML §9.2), and whether it flows. The browser reconnects by itself,
// unless it was refused; then a new one is opened here, later each time.

export class Stream extends EventTarget {
    #source = null;
    #last = 0;
    #wait = 1000;
    #timer = 0;

    constructor(path, types) {
        super();
        this.path = path;
        this.types = types;
        setInterval(() => this.#look(), 2000);
        this.#open();
    }

    #open() {
        this.#source = new EventSource(this.path);
        this.#source.addEventListener("open", () => {
            this.#wait = 1000;
            this.#last = performance.now();
            this.#say("open");
        });
        this.#source.addEventListener("error", () => {
            this.#say("lost");
            if (this.#source.readyState === EventSource.CLOSED) this.#again();
        });
        for (const type of this.types) {
            this.#source.addEventListener(type, (event) => {
                this.#last = performance.now();
                let data;
                try {
                    data = JSON.parse(event.data);
                } catch {
                    return;
                }
                this.dispatchEvent(
                    new CustomEvent(type, { detail: { data, id: event.lastEventId } }),
                );
            });
        }
    }

    #again() {
        this.#source.close();
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#open(), this.#wait * (1 + Math.random() / 2));
        this.#wait = Math.min(2 * this.#wait, 15000);
    }

    // Counters come each second. Where nothing comes, the connection is only thought to be there.
    #look() {
        if (this.#source.readyState !== EventSource.OPEN || performance.now() - this.#last < 10000)
            return;
        this.#say("lost");
        this.#again();
    }

    #say(what) {
        this.dispatchEvent(new Event(what));
    }
}
