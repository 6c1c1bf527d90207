const data = JSON.parse(document.getElementById("data").textContent);
const hiddenRuns = new Set();
// Two points of a line chart belong together if they are closer than this share of its width.
const NEAR = 0.04;

function element(parent, tag, className, text = "") {
  const child = document.createElement(tag);
  child.className = className;
  child.textContent = text;
  parent.append(child);
  return child;
}

function formatNumber(value) {
  const size = Math.abs(value);
  if (size && (size >= 1e6 || size < 1e-4)) return value.toExponential(2);
  return String(parseFloat(value.toPrecision(4)));
}

// Create the chart inside a `.plot`, with its tooltip in the live region beside it.
// `fillTip` returns the content of the tooltip; `move` handles arrow keys.
function createChart(plot, option, fillTip, move) {
  const chart = echarts.init(plot, null, { renderer: "svg" });
  const tooltip = { ...option.tooltip, formatter: fillTip, appendTo: () => plot.nextElementSibling };
  chart.setOption({ ...option, tooltip });
  // A chart of a hidden run has no size.
  new ResizeObserver(() => plot.clientWidth && chart.resize()).observe(plot);
  const hide = () => {
    chart.dispatchAction({ type: "hideTip" });
    chart.dispatchAction({ type: "updateAxisPointer", currTrigger: "leave" });
    chart.dispatchAction({ type: "downplay" });
  };
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in arrows && move(...arrows[event.key])) event.preventDefault();
  });
  return chart;
}

// Return the first item with the smallest distance, undefined if there is none.
function nearest(items, distance) {
  return items.reduce((best, item) => (distance(item) < distance(best) ? item : best), items[0]);
}

// Create a line chart; return a function that redraws the runs and quantities that are switched on.
function createLineChart(box) {
  const plot = box.querySelector(".plot");
  const option = data.charts[box.dataset.chart];
  let cursor;
  const visible = () => {
    const on = [...box.querySelectorAll("[data-quantity][aria-pressed=true]")].map((b) => b.dataset.quantity);
    return option.series.filter(({ name, run }) => on.includes(name) && !hiddenRuns.has(run));
  };
  const places = () => [...new Set(visible().flatMap((curve) => curve.data.map(([x]) => x)))].sort((a, b) => a - b);
  const pixel = (x) => chart.convertToPixel({ xAxisIndex: 0 }, x);
  const fillTip = ([{ axisValue }]) => {
    // A logarithmic axis rounds the value.
    cursor = nearest(places(), (x) => Math.abs(pixel(x) - pixel(axisValue)));
    const tip = document.createElement("div");
    element(tip, "div", "head", `${option.xAxis.at(-1).name} ${formatNumber(cursor)}`);
    for (const { run, name, data: points } of visible()) {
      const away = ([x]) => Math.abs(pixel(x) - pixel(cursor));
      const point = nearest(points.filter(([, y]) => y !== null), away);
      if (away(point) > NEAR * plot.clientWidth) continue;
      const at = point[0] === cursor ? "" : ` (at ${formatNumber(point[0])})`;
      const row = element(tip, "div", "row");
      element(row, "span", "chip").style.setProperty("--run", `var(--run-${run})`);
      element(row, "span", "who", `${data.runs[run]} · ${name}${at}`);
      element(row, "span", "value", formatNumber(point[1]));
    }
    return tip;
  };
  const move = (step) => {
    const all = places();
    if (!step || !all.length) return false;
    const now = cursor === undefined ? (step > 0 ? -1 : all.length) : all.indexOf(cursor);
    const next = all[Math.min(all.length - 1, Math.max(0, now + step))];
    chart.dispatchAction({ type: "showTip", x: pixel(next), y: option.grid[0].top + 1 });
    return true;
  };
  const chart = createChart(plot, { ...option, series: visible() }, fillTip, move);
  const redraw = () => chart.setOption({ series: visible() }, { replaceMerge: ["series"] });
  box.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-quantity]");
    if (!button) return;
    button.ariaPressed = button.ariaPressed !== "true";
    redraw();
  });
  return redraw;
}

// Leave out the middle of a long name: ends distinguish "part 1" from "part 2".
const shortened = (name) => (name.length > 12 ? `${name.slice(0, 6)}…${name.slice(-5)}` : name);

function createMatrix(plot) {
  const option = data.matrices[plot.dataset.matrix];
  for (const axis of [option.xAxis, option.yAxis]) axis.axisLabel.formatter = shortened;
  const cells = option.series.flatMap((series, seriesIndex) =>
    series.data.map(([guess, truth], dataIndex) => ({ guess, truth, at: { seriesIndex, dataIndex } })));
  let current;
  const fillTip = ({ value: [guess, truth, , share, count] }) => {
    current = { guess, truth };
    const tip = document.createElement("div");
    element(tip, "div", "head", `${share.toFixed(1)} % · ${count.toLocaleString("en")} pixels`);
    element(tip, "div", "row", `truth ${option.yAxis.data[truth]}`);
    element(tip, "div", "row", `prediction ${option.xAxis.data[guess]}`);
    return tip;
  };
  // Go to the next cell in a row or column that is not empty.
  const move = (right, down) => {
    const { guess, truth } = current ?? { guess: 0, truth: 0 };
    const ahead = (cell) => (right
      ? cell.truth === truth && (cell.guess - guess) * right > 0
      : cell.guess === guess && (cell.truth - truth) * down > 0);
    const away = (cell) => Math.abs(cell.guess - guess) + Math.abs(cell.truth - truth);
    const next = nearest(current ? cells.filter(ahead) : cells, away);
    if (next) {
      chart.dispatchAction({ type: "downplay" });
      chart.dispatchAction({ type: "highlight", ...next.at });
      chart.dispatchAction({ type: "showTip", ...next.at });
    }
    return true;
  };
  const chart = createChart(plot, option, fillTip, move);
}

const redraws = [...document.querySelectorAll("[data-chart]")].map(createLineChart);
document.querySelectorAll("[data-matrix]").forEach(createMatrix);

// A run is shown or hidden in the whole page.
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-toggle]");
  if (!button) return;
  const run = Number(button.dataset.toggle);
  const hide = !hiddenRuns.delete(run);
  if (hide) hiddenRuns.add(run);
  document.documentElement.classList.toggle(`hide-${run}`, hide);
  for (const other of document.querySelectorAll(`[data-toggle="${run}"]`)) other.ariaPressed = !hide;
  for (const redraw of redraws) redraw();
});

// A picture that appears several times is stored once.
for (const image of document.querySelectorAll("[data-copy]")) {
  image.src = document.getElementById(image.dataset.copy).src;
}

// The sliders of a row move together; dragging on a picture moves them too.
function uncover(group, percent) {
  for (const picture of group.querySelectorAll(".compare")) picture.style.setProperty("--cut", `${percent}%`);
  for (const slider of group.querySelectorAll("input[type=range]")) slider.value = percent;
}
for (const group of document.querySelectorAll("[data-group]")) {
  group.addEventListener("input", (event) => uncover(group, event.target.value));
  for (const picture of group.querySelectorAll(".compare:has(.over)")) {
    const drag = (event) => {
      if (!(event.buttons & 1)) return;
      const box = picture.getBoundingClientRect();
      const percent = (100 * (event.clientX - box.left)) / box.width;
      uncover(group, Math.round(Math.min(100, Math.max(0, percent))));
    };
    picture.addEventListener("pointerdown", (event) => {
      picture.setPointerCapture(event.pointerId);
      drag(event);
    });
    picture.addEventListener("pointermove", drag);
  }
}

// The table of contents marks the section in view.
const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const seen = new Set();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target.id);
  const current = [...links.keys()].find((id) => seen.has(id));
  for (const [id, link] of links) {
    if (id === current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, { rootMargin: "-15% 0px -60% 0px" });
for (const section of document.querySelectorAll("section")) observer.observe(section);
