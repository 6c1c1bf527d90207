// The cursor of a chart: the values of all curves at one place, by pointer or arrow keys.
Object.assign(Chart.prototype, {
  listen(curves) {
    const places = [...new Set(curves.flatMap((c) => c.points.map(([x]) => x)))].sort((a, b) => a - b);
    const move = (event) => {
      const value = this.x.invert(event.clientX - this.svg.getBoundingClientRect().left);
      this.showCursor(curves, nearest(places, value, this.x));
    };
    this.svg.addEventListener("pointermove", move);
    this.svg.addEventListener("pointerdown", move);
    this.svg.addEventListener("pointerleave", () => this.hideCursor());
    this.svg.addEventListener("blur", () => this.hideCursor());
    this.svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") this.hideCursor();
      if (!step) return;
      event.preventDefault();
      const index = this.cursor === null ? (step > 0 ? -1 : places.length) : places.indexOf(this.cursor);
      this.showCursor(curves, places[Math.min(places.length - 1, Math.max(0, index + step))]);
    });
  },

  showCursor(curves, place) {
    this.cursor = place;
    const left = this.x(place);
    this.line.setAttribute("d", `M${left} ${MARGIN.top}V${this.bottom}`);
    this.dots.replaceChildren();
    this.tip.replaceChildren();
    html(this.tip, "div", "head", `${this.data.xLabel} ${formatNumber(place)}`);
    const ordered = [...curves].sort((a, b) => a.pane - b.pane || a.name.localeCompare(b.name) || a.run - b.run);
    for (const curve of ordered) {
      const known = curve.points.filter(([, y]) => y !== null);
      const x = nearest(known.map(([px]) => px), place, this.x);
      // Another curve's last value is not this place's.
      if (x === undefined || Math.abs(this.x(x) - left) > NEAR * this.width) continue;
      const value = known.find(([px]) => px === x)[1];
      const row = html(this.tip, "div", "row");
      row.style.setProperty("--run", `var(--run-${curve.run})`);
      html(row, "span", "chip");
      const where = x === place ? "" : ` (at ${formatNumber(x)})`;
      html(row, "span", "who", `${this.runNames[curve.run]} · ${curve.name}${where}`);
      html(row, "span", "value", formatNumber(value));
      const dot = draw(this.dots, "circle", { cx: this.x(x), cy: this.y.get(curve.pane)(value), r: 4 });
      dot.style.setProperty("--run", `var(--run-${curve.run})`);
    }
    this.tip.style.display = "block";
    placeTip(this.tip, this.svg, left, MARGIN.top);
  },

  hideCursor() {
    this.cursor = null;
    this.tip.style.display = "none";
    this.line?.setAttribute("d", "");
    this.dots?.replaceChildren();
  },
});

// Of ascending values the one that lies nearest on a scale.
function nearest(values, target, scale) {
  const place = scale(target);
  let best;
  for (const value of values) {
    if (best === undefined || Math.abs(scale(value) - place) < Math.abs(scale(best) - place)) best = value;
  }
  return best;
}

// Beside a point of a drawing, on the side where there is room, inside of the window.
function placeTip(tip, drawing, left, top) {
  const frame = tip.offsetParent.getBoundingClientRect();
  const origin = drawing.getBoundingClientRect();
  const x = origin.left - frame.left + left;
  const wanted = x > frame.width / 2 ? x - tip.offsetWidth - 14 : x + 14;
  tip.style.left = `${Math.max(0, Math.min(wanted, frame.width - tip.offsetWidth))}px`;
  tip.style.top = `${origin.top - frame.top + top}px`;
}
