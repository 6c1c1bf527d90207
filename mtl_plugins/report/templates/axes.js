// Numbers, ticks and SVG elements, for everything that is drawn.
const SVG = "http://www.w3.org/2000/svg";

function draw(parent, tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

function html(parent, tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

function formatNumber(value) {
  const size = Math.abs(value);
  if (size && (size >= 1e6 || size < 1e-4)) return value.toExponential(2);
  return String(parseFloat(value.toPrecision(4)));
}

// Round numbers within a range, about `count` of them.
function linearTicks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((s) => s >= rough * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step);
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of [1, 2, 5]) ticks.push(factor * 10 ** power);
  }
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

// From values in `domain` to places in `range`, and back.
function makeScale(domain, range, log) {
  const map = log ? Math.log : (v) => v;
  const unmap = log ? Math.exp : (v) => v;
  const [low, high] = domain.map(map);
  const length = high - low || 1;
  const scale = (value) => range[0] + ((map(value) - low) / length) * (range[1] - range[0]);
  scale.invert = (place) => unmap(low + ((place - range[0]) / (range[1] - range[0])) * length);
  return scale;
}

function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

// The range of an axis: a margin around the values, down to 0 where that is near.
function padded([low, high]) {
  if (low === high) return [low - (Math.abs(low) * 0.1 || 1), high + (Math.abs(high) * 0.1 || 1)];
  const margin = (high - low) * 0.06;
  return [low >= 0 && low < 0.4 * high ? 0 : low - margin, high + margin];
}
