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

// Return the item with the smallest distance; the first one of several.
function nearest(items, distance) {
  return items.reduce((best, item) => (distance(item) < distance(best) ? item : best), items[0]);
}

// Return a function that draws a line chart anew, for its runs and quantities that are switched on.
function createLineChart(box) {
  const plot = box.querySelector(".plot");
  const option = data.charts[box.dataset.chart];
  let cursor;
  const visible = () => {
    const on = new Set([...box.querySelectorAll("[data-quantity][aria-pressed=true]")].map((b) => b.dataset.quantity));
    return option.series.filter(({ name, run }) => on.has(name) && !hiddenRuns.has(run));
  };
  const pixel = (x) => chart.convertToPixel({ xAxisIndex: 0 }, x);
  const fillTip = ([{ axisValue }]) => {
    cursor = axisValue;
    const tip = document.createElement("div");
    element(tip, "div", "head", `${option.xAxis.at(-1).name} ${formatNumber(cursor)}`);
    for (const { run, name, data: points } of visible()) {
      const known = points.filter(([, y]) => y !== null);
      const [x, y] = nearest(known, ([place]) => Math.abs(pixel(place) - pixel(cursor)));
      if (Math.abs(pixel(x) - pixel(cursor)) > NEAR * plot.clientWidth) continue;
      const row = element(tip, "div", "row");
      element(row, "span", "chip").style.setProperty("--run", `var(--run-${run})`);
      element(row, "span", "who", `${data.runs[run]} · ${name}${x === cursor ? "" : ` (at ${formatNumber(x)})`}`);
      element(row, "span", "value", formatNumber(y));
    }
    return tip;
  };
  const move = (step) => {
    const places = [...new Set(visible().flatMap((curve) => curve.data.map(([x]) => x)))].sort((a, b) => a - b);
    if (!step || !places.length) return false;
    const now = cursor === undefined ? (step > 0 ? -1 : places.length) : places.indexOf(cursor);
    const next = places[Math.min(places.length - 1, Math.max(0, now + step))];
    chart.dispatchAction({ type: "showTip", x: pixel(next), y: option.grid[0].top + 1 });
    return true;
  };
  const chart = createChart(plot, { ...option, series: visible() }, fillTip, move);
  box.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-quantity]");
    if (!button) return;
    button.ariaPressed = button.ariaPressed !== "true";
    draw();
  });
  const draw = () => chart.setOption({ series: visible() }, { replaceMerge: ["series"] });
  return draw;
}

function createMatrix(plot) {
  const option = data.matrices[plot.dataset.matrix];
  const cells = option.series.flatMap(({ data: values }, seriesIndex) =>
    values.map((value, dataIndex) => ({ value, seriesIndex, dataIndex })));
  let current;
  const fillTip = ({ value, seriesIndex, dataIndex }) => {
    current = { value, seriesIndex, dataIndex };
    const [guess, truth, , share, count] = value;
    const tip = document.createElement("div");
    element(tip, "div", "head", `${share.toFixed(1)} % · ${count.toLocaleString("en")} pixels`);
    element(tip, "div", "row", `truth ${option.yAxis.data[truth]}`);
    element(tip, "div", "row", `prediction ${option.xAxis.data[guess]}`);
    return tip;
  };
  // Go to the next cell that is not empty, within the row or the column.
  const move = (right, down) => {
    const [guess, truth] = current?.value ?? [0, 0];
    const ahead = ({ value: [x, y] }) => (right ? y === truth && (x - guess) * right > 0 : x === guess && (y - truth) * down > 0);
    const next = nearest(current ? cells.filter(ahead) : cells, ({ value: [x, y] }) => Math.abs(x - guess) + Math.abs(y - truth));
    if (!next) return true;
    chart.dispatchAction({ type: "downplay" });
    chart.dispatchAction({ type: "highlight", seriesIndex: next.seriesIndex, dataIndex: next.dataIndex });
    chart.dispatchAction({ type: "showTip", seriesIndex: next.seriesIndex, dataIndex: next.dataIndex });
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
