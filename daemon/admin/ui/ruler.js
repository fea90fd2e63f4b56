// How many lines a text takes, without putting it into the page.

const pen = document.createElement("canvas").getContext("2d");
const size = 13; // pixels, as .clamp has it

export class Ruler {
    constructor(family, width) {
        this.width = width;
        pen.font = `${size}px ${family}`;
        this.space = pen.measureText(" ").width;
    }

    // Words stay whole where they fit; longer ones break anywhere.
    lines(text) {
        if (text.length * size < this.width) return 1;
        let lines = 1;
        let left = this.width;
        for (const word of text.split(" ")) {
            const width = pen.measureText(word).width;
            if (width > left && left < this.width) {
                ++lines;
                left = this.width;
            }
            const more = Math.max(0, Math.ceil(width / this.width) - 1);
            lines += more;
            left -= width - more * this.width + this.space;
        }
        return lines;
    }
}
