"use strict";
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const figures = read("figures"), texts = read("texts"), config = CONFIG;
const steps = Object.keys(texts), root = document.documentElement;
const asked = new URLSearchParams(location.search);
const chosen = {}, guesses = {}, first = {};
let at = 0, begun = 0, dark = matchMedia("(prefers-color-scheme: dark)").matches;
const by = (id) => document.getElementById(id);
const article = () => by("step" + steps[at]);

// All that is measured in pixels, larger: as muxviz/figures/drawing/enlarge.py does it.
const NARROWEST = 780; // px that a figure needs, unless in its narrow form
const inPixels = /^(size|height|standoff|xshift|yshift|l|r|t|b|ticklen)$/;
function grown(value, by, name) {
  if (typeof value === "number") return inPixels.test(name) ? value * by : value;
  if (Array.isArray(value)) return value.map((one) => grown(one, by, name));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, grown(v, by, k)]));
}

function draw() {
  root.classList.toggle("dark", dark);
  const by = root.classList.contains("present") ? LARGER : 1;
  for (const box of article().querySelectorAll(".figure")) {
    const [step, fixed] = box.dataset.figure.split("/");
    const one = figures[dark ? "dark" : "light"][step + "/" + (fixed || chosen[step])];
    const shown = box.clientWidth < NARROWEST ? one.narrow : one.figure;
    const { data, layout, frames } = grown(shown, by);
    box.setAttribute("aria-label", one.alt);
    Plotly.newPlot(box, { data, layout, frames: frames || [], config });
  }
}

function turn(scene) {
  const step = steps[at];
  chosen[step] = scene;
  for (const b of article().querySelectorAll("[data-scene]"))
    b.setAttribute("aria-pressed", b.dataset.scene === scene);
  article().querySelector(".turn ~ .said").innerHTML = texts[step].said[scene];
  draw();
}

function go(to) {
  at = Math.min(Math.max(to, 0), steps.length - 1);
  for (const s of steps) by("step" + s).hidden = s !== steps[at];
  for (const b of document.querySelectorAll("nav .to")) {
    if (b.dataset.step === steps[at]) b.setAttribute("aria-current", "step");
    else b.removeAttribute("aria-current");
  }
  by("back").disabled = at === 0;
  by("next").disabled = at === steps.length - 1;
  history.replaceState(null, "", "#" + steps[at]);
  turn(chosen[steps[at]] || texts[steps[at]].first);
  scrollTo(0, 0);
}

function guess(answer) {
  const step = steps[at], { right, why, hints } = texts[step], tried = (guesses[step] ||= []);
  if (!tried.includes(answer)) tried.push(answer);
  const found = answer === right, told = found || tried.length > 2;
  const reply = article().querySelector(".reply"), letter = "ABCDE"[right];
  reply.innerHTML = found ? why : told ? `It is <b>${letter}</b>. ${why}` : hints[tried.length - 1];
  for (const b of article().querySelectorAll("[data-answer]")) {
    const k = Number(b.dataset.answer);
    b.classList.toggle("wrong", tried.includes(k) && k !== right);
    b.classList.toggle("right", told && k === right);
  }
  if (!(step in first)) first[step] = found;
  if (told) document.querySelector(`nav [data-step="${step}"]`).classList.add("done");
  const known = Object.values(first).filter(Boolean).length;
  by("score").textContent = `${known} of ${Object.keys(first).length} right at once`;
}

function notes(on) {
  by("notes").setAttribute("aria-pressed", on);
  for (const one of document.querySelectorAll(".notes")) one.hidden = !on;
}

function present(on) {
  root.classList.toggle("present", on);
  by("present").setAttribute("aria-pressed", on);
  by("clock").hidden = !on;
  if (on && !begun) begun = Date.now();
  tick();
  draw();
}

function tick() {
  const spent = begun ? Math.floor((Date.now() - begun) / 1000) : 0;
  const seconds = String(spent % 60).padStart(2, "0");
  by("clock").textContent = `${Math.floor(spent / 60)}:${seconds} of MINUTES:00`;
}

document.addEventListener("click", (event) => {
  const b = event.target.closest("button");
  if (!b) return;
  if (b.dataset.step) go(steps.indexOf(b.dataset.step));
  else if (b.dataset.scene) turn(b.dataset.scene);
  else if (b.dataset.answer) guess(Number(b.dataset.answer));
  else if (b.id === "back") go(at - 1);
  else if (b.id === "next") go(at + 1);
  else if (b.id === "notes") notes(b.getAttribute("aria-pressed") !== "true");
  else if (b.id === "present") present(b.getAttribute("aria-pressed") !== "true");
  else if (b.id === "theme") { dark = !dark; draw(); }
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const act = {
    ArrowLeft: () => go(at - 1),
    ArrowRight: () => go(at + 1),
    n: () => notes(by("notes").getAttribute("aria-pressed") !== "true"),
    p: () => present(!root.classList.contains("present")),
  }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) { event.preventDefault(); act(); }
});
let width = innerWidth;
addEventListener("resize", () => {
  if ((innerWidth < NARROWEST) !== (width < NARROWEST)) draw();
  width = innerWidth;
});
setInterval(tick, 1000);
go(Math.max(steps.indexOf(location.hash.slice(1)), 0));
if (asked.get("present") === "1") present(true);
