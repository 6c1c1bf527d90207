// Brings the page to life.
const data = JSON.parse(document.getElementById("data").textContent);
const hiddenRuns = new Set();
const charts = [...document.querySelectorAll("[data-chart]")]
  .map((host) => [host, data.charts[host.dataset.chart]])
  .filter(([, chart]) => chart.series.length)
  .map(([host, chart]) => new Chart(host, chart, data.runs, hiddenRuns));
for (const host of document.querySelectorAll("[data-matrix]")) {
  new Matrix(host, data.matrices[host.dataset.matrix]);
}

// A run is shown or hidden in the whole page.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-toggle]");
  if (!button) return;
  const run = Number(button.dataset.toggle);
  const hide = !hiddenRuns.has(run);
  if (hide) hiddenRuns.add(run);
  else hiddenRuns.delete(run);
  document.documentElement.classList.toggle(`hide-${run}`, hide);
  for (const other of document.querySelectorAll(`[data-toggle="${run}"]`)) {
    other.setAttribute("aria-pressed", !hide);
  }
  for (const chart of charts) chart.render();
});

// The same picture several times, stored once.
for (const image of document.querySelectorAll("[data-copy]")) {
  image.src = document.getElementById(image.dataset.copy).src;
}

// Sliders of a row move together; a drag on a picture moves them too.
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

// The contents tell where the reader is.
const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const seen = new Set();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) seen.add(target.id);
    else seen.delete(target.id);
  }
  const current = [...links.keys()].find((id) => seen.has(id));
  for (const [id, link] of links) {
    if (id === current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, { rootMargin: "-15% 0px -60% 0px" });
for (const section of document.querySelectorAll("section")) observer.observe(section);
