// A confusion matrix: rows are the truth, shades the share of the row.
const LABELS = 92;
const LARGEST_CELL = 24;
const SMALLEST_LABELLED = 10;

class Matrix {
  constructor(host, { classes, counts }) {
    Object.assign(this, { host, classes, counts });
    this.sums = counts.map((row) => row.reduce((a, b) => a + b, 0));
    this.tip = html(host, "div", "tip");
    this.tip.setAttribute("role", "status");
    this.place = null;
    new ResizeObserver(() => this.render()).observe(host);
  }

  render() {
    const width = this.host.clientWidth;
    if (!width || width === this.width) return;
    this.width = width;
    this.svg?.remove();
    const n = this.classes.length;
    this.cell = Math.min(LARGEST_CELL, Math.max(3, (width - LABELS - 2) / n));
    const side = LABELS + this.cell * n + 1;
    this.svg = draw(this.host, "svg", {
      width: side, height: side, role: "img", tabindex: 0,
      "aria-label": "Confusion matrix. Arrow keys move from cell to cell.",
    });
    const area = { x: LABELS, y: LABELS, width: this.cell * n, height: this.cell * n };
    draw(this.svg, "rect", { ...area, class: "frame" });
    this.counts.forEach((row, truth) => row.forEach((count, guess) => {
      if (!count) return;
      // The root makes rare confusions visible.
      const attributes = { ...this.rectangle(truth, guess), class: truth === guess ? "right" : "wrong" };
      draw(this.svg, "rect", { ...attributes, "fill-opacity": Math.sqrt(count / this.sums[truth]).toFixed(3) });
    }));
    if (this.cell >= SMALLEST_LABELLED) this.drawLabels();
    this.frame = draw(this.svg, "rect", { class: "chosen", width: 0, height: 0 });
    this.listen();
  }

  rectangle(truth, guess) {
    const gap = this.cell > 8 ? 1 : 0;
    const size = this.cell - gap;
    return { x: LABELS + guess * this.cell, y: LABELS + truth * this.cell, width: size, height: size };
  }

  drawLabels() {
    this.classes.forEach((name, i) => {
      const text = name.length > 14 ? `${name.slice(0, 13)}…` : name;
      const middle = LABELS + (i + 0.5) * this.cell + 3.5;
      draw(this.svg, "text", { x: LABELS - 5, y: middle, "text-anchor": "end" }, text);
      draw(this.svg, "text", { transform: `translate(${middle} ${LABELS - 5}) rotate(-90)` }, text);
    });
    draw(this.svg, "text", { x: 0, y: LABELS - 24, class: "title" }, "truth ↓");
    draw(this.svg, "text", { x: 0, y: LABELS - 8, class: "title" }, "prediction →");
  }

  listen() {
    const at = (position) => Math.floor((position - LABELS) / this.cell);
    const move = (event) => {
      const box = this.svg.getBoundingClientRect();
      this.show(at(event.clientY - box.top), at(event.clientX - box.left));
    };
    this.svg.addEventListener("pointermove", move);
    this.svg.addEventListener("pointerdown", move);
    for (const name of ["pointerleave", "blur"]) this.svg.addEventListener(name, () => this.show(-1, -1));
    this.svg.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const last = this.classes.length - 1;
      const [truth, guess] = this.place ?? [0, -1];
      this.show(...[truth + step[0], guess + step[1]].map((i) => Math.min(last, Math.max(0, i))));
    });
  }

  show(truth, guess) {
    const inside = [truth, guess].every((i) => i >= 0 && i < this.classes.length);
    this.place = inside ? [truth, guess] : null;
    this.tip.style.display = inside ? "block" : "none";
    if (!inside) {
      this.frame.setAttribute("width", 0);
      return;
    }
    for (const [key, value] of Object.entries(this.rectangle(truth, guess))) this.frame.setAttribute(key, value);
    const count = this.counts[truth][guess];
    const share = this.sums[truth] ? (100 * count) / this.sums[truth] : 0;
    this.tip.replaceChildren();
    html(this.tip, "div", "head", `${share.toFixed(1)} % · ${count.toLocaleString("en")} pixels`);
    html(this.tip, "div", "row", `truth ${this.classes[truth]}`);
    html(this.tip, "div", "row", `prediction ${this.classes[guess]}`);
    const { x, y } = this.rectangle(truth, guess);
    placeTip(this.tip, this.svg, x + this.cell, y + this.cell + 8);
  }
}
