// A line chart: panes that share the horizontal axis, one legend, one cursor.
const DASHES = ["", "7 4", "2 3", "10 3 2 3", "1 5", "14 5", "5 2", "3 6"];
const MARGIN = { left: 52, right: 14, top: 20, between: 30, bottom: 42 };
const PANE_HEIGHT = 190;
const NEAR = 0.04;

class Chart {
  constructor(host, data, runNames, hiddenRuns) {
    Object.assign(this, { host, data, runNames, hiddenRuns, cursor: null });
    this.plot = host.querySelector(".plot");
    this.quantities = new Map();
    for (const { name, pane, shown } of data.series) {
      if (!this.quantities.has(name)) {
        // Dashes are told apart within a pane.
        const before = [...this.quantities.values()].filter((q) => q.pane === pane).length;
        this.quantities.set(name, { pane, on: shown, dash: DASHES[before % DASHES.length] });
      }
    }
    this.fillLegend(host.querySelector(".legend"));
    this.tip = html(host, "div", "tip");
    this.tip.setAttribute("role", "status");
    new ResizeObserver(() => this.render()).observe(this.plot);
  }

  fillLegend(legend) {
    const runs = html(legend, "div", "group");
    for (const run of new Set(this.data.series.map((curve) => curve.run))) {
      const button = html(runs, "button", "", undefined);
      button.type = "button";
      button.dataset.toggle = run;
      html(button, "span", "chip").style.setProperty("--run", `var(--run-${run})`);
      button.append(this.runNames[run]);
      button.setAttribute("aria-pressed", "true");
    }
    this.data.panes.forEach((label, pane) => {
      const group = html(legend, "div", "group");
      html(group, "span", "label", `${label}:`);
      for (const [name, quantity] of this.quantities) {
        if (quantity.pane !== pane) continue;
        const button = html(group, "button", "", undefined);
        button.type = "button";
        button.setAttribute("aria-pressed", quantity.on);
        const sample = draw(button, "svg", { width: 26, height: 8, "aria-hidden": true });
        draw(sample, "path", { d: "M0 4H26", class: "sample", "stroke-dasharray": quantity.dash });
        button.append(name);
        button.addEventListener("click", () => {
          quantity.on = !quantity.on;
          button.setAttribute("aria-pressed", quantity.on);
          this.render();
        });
      }
    });
  }

  visible() {
    return this.data.series.filter(
      ({ name, run }) => this.quantities.get(name).on && !this.hiddenRuns.has(run),
    );
  }

  render() {
    const curves = this.visible();
    this.plot.replaceChildren();
    this.hideCursor();
    if (!curves.length) {
      html(this.plot, "p", "note", "Nothing is switched on.");
      return;
    }
    this.width = Math.max(260, this.plot.clientWidth);
    const panes = [...new Set(curves.map((curve) => curve.pane))].sort((a, b) => a - b);
    const tops = panes.map((_, i) => MARGIN.top + i * (PANE_HEIGHT + MARGIN.between));
    this.bottom = tops.at(-1) + PANE_HEIGHT;
    const height = this.bottom + MARGIN.bottom;
    this.svg = draw(this.plot, "svg", {
      width: this.width, height, role: "img", tabindex: 0,
      "aria-label": `${this.host.dataset.title}. Arrow keys move the cursor.`,
    });
    const xs = curves.flatMap((curve) => curve.points.map(([x]) => x));
    const range = [MARGIN.left, this.width - MARGIN.right];
    const [first, last] = extent(xs);
    const xDomain = [this.data.logX ? first : Math.min(0, first), last];
    this.x = makeScale(xDomain, range, this.data.logX);
    this.y = new Map();
    panes.forEach((pane, i) => {
      const values = curves.filter((c) => c.pane === pane).flatMap((c) => c.points.map(([, y]) => y));
      const domain = padded(extent(values.filter((v) => v !== null)));
      this.y.set(pane, makeScale(domain, [tops[i] + PANE_HEIGHT, tops[i]], false));
      this.drawAxes(domain, pane, tops[i], i === panes.length - 1, xDomain);
    });
    for (const curve of curves) this.drawCurve(curve);
    this.line = draw(this.svg, "path", { class: "cursor", d: "" });
    this.dots = draw(this.svg, "g", {});
    this.listen(curves);
  }

  drawAxes(domain, pane, top, last, xDomain) {
    const y = this.y.get(pane);
    const right = this.width - MARGIN.right;
    for (const tick of linearTicks(...domain, 4)) {
      draw(this.svg, "path", { class: tick === 0 ? "zero" : "grid", d: `M${MARGIN.left} ${y(tick)}H${right}` });
      const place = { x: MARGIN.left - 6, y: y(tick) + 4, "text-anchor": "end" };
      draw(this.svg, "text", place, formatNumber(tick));
    }
    draw(this.svg, "text", { x: MARGIN.left, y: top - 7, class: "title" }, this.data.panes[pane]);
    const count = this.width < 500 ? 4 : 9;
    const ticks = this.data.logX ? logTicks(...xDomain) : linearTicks(...xDomain, count);
    const bottom = top + PANE_HEIGHT;
    draw(this.svg, "path", { class: "axis", d: `M${MARGIN.left} ${bottom}H${right}` });
    let end = -Infinity;
    for (const tick of ticks) {
      draw(this.svg, "path", { class: "axis", d: `M${this.x(tick)} ${bottom}v4` });
      // Numbers of a logarithmic axis would run into each other.
      if (!last || this.x(tick) - end < 34) continue;
      const place = { x: this.x(tick), y: bottom + 18, "text-anchor": "middle" };
      draw(this.svg, "text", place, formatNumber(tick));
      end = this.x(tick);
    }
    if (last) {
      const place = { x: (MARGIN.left + right) / 2, y: bottom + 36, "text-anchor": "middle", class: "title" };
      draw(this.svg, "text", place, this.data.xLabel);
    }
  }

  drawCurve({ run, name, pane, points, markers }) {
    const y = this.y.get(pane);
    let path = "";
    let pen = "M";
    for (const [px, py] of points) {
      if (py === null) { pen = "M"; continue; }
      path += `${pen}${this.x(px).toFixed(1)} ${y(py).toFixed(1)}`;
      pen = "L";
    }
    const group = draw(this.svg, "g", { class: "curve", "data-curve": `${run} ${name}` });
    group.style.setProperty("--run", `var(--run-${run})`);
    draw(group, "path", { d: path, "stroke-dasharray": this.quantities.get(name).dash });
    const shown = points.filter(([, py]) => py !== null);
    if (!markers && shown.length > 1) return;
    for (const [px, py] of shown) draw(group, "circle", { cx: this.x(px), cy: y(py), r: 2.5 });
  }
}
