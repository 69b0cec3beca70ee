// The page: what is asked for (wish.js) shown as pictures (engine.js).
import { Engine } from "./engine.js";
import { parseSeeds, parseWalk, readWish, writeWish } from "./wish.js";

const at = (id) => document.getElementById(id);
const STEPS_A_SECOND = 20;
let engine, wish;
let asked = 0; // counts wishes: what was made for an older one is not shown
let timer = 0;

function say(text) { at("said").textContent = text; }

function complain(text) {
  at("complaint").textContent = text;
  at("complaint").hidden = !text;
}

function draw(canvas, picture) {
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function words(seed, label) {
  if (label === null) return `Seed ${seed}`;
  const name = engine.facts.class_names[label];
  return `Seed ${seed}, class ${label}${name && name !== `${label}` ? ` (${name})` : ""}`;
}

const row = (seed) => ({ z: engine.z(seed), label: engine.label(seed, wish.label) });

// Makes the pictures of rows and says how long it took; what goes wrong is said, too.
async function make(rows, show) {
  const mine = ++asked, start = performance.now();
  let made = 0;
  try {
    await engine.make(rows, wish.truncation, () => mine === asked, (index, picture) => {
      show(index, picture);
      made++;
      if (!performance.getEntriesByName("first-picture").length) performance.mark("first-picture");
      if (rows.length > 1) say(`${made} of ${rows.length}`);
    });
  } catch (error) {
    if (mine === asked) complain(`The pictures could not be made: ${error.message}.`);
    return;
  }
  if (mine === asked && rows.length > 1) say(`${rows.length} pictures in ${((performance.now() - start) / 1000).toFixed(2)} s`);
}

// The grid

function choose(cells, index) {
  cells.forEach((cell, other) => { cell.tabIndex = other === index ? 0 : -1; });
}

function showGrid() {
  const seeds = parseSeeds(wish.seeds);
  const cells = seeds.map((seed) => {
    const cell = document.createElement("button"), canvas = document.createElement("canvas");
    [cell.type, cell.className, cell.title] = ["button", "cell", words(seed, engine.label(seed, wish.label))];
    cell.setAttribute("aria-label", cell.title);
    [canvas.width, canvas.height] = [engine.width, engine.height];
    cell.append(canvas, `${seed}`);
    cell.addEventListener("click", () => { wish.open = seed; update(); });
    return cell;
  });
  choose(cells, 0);
  at("pictures").replaceChildren(...cells);
  return make(seeds.map(row), (index, picture) => draw(cells[index].firstChild, picture));
}

function moveInGrid(event) {
  const cells = [...at("pictures").children], now = cells.indexOf(document.activeElement);
  const columns = getComputedStyle(at("pictures")).gridTemplateColumns.split(" ").length;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  const to = event.key === "Home" ? 0 : event.key === "End" ? cells.length - 1 : by && now + by;
  if (now < 0 || to === undefined || !cells[to]) return;
  event.preventDefault();
  choose(cells, to);
  cells[to].focus();
}

function shift(by) {
  const seeds = parseSeeds(wish.seeds);
  const first = seeds.reduce((a, b) => (b < a ? b : a)), last = seeds.reduce((a, b) => (b > a ? b : a));
  const start = first + BigInt(by) * (last - first + 1n);
  from(start < 0n ? 0n : start, last - first);
}

function from(first, more) {
  wish.seeds = more ? `${first}-${first + more}` : `${first}`;
  update();
}

// One picture, large

async function showLarge() {
  if (wish.open === null) {
    if (at("large").open) at("large").close();
    return;
  }
  const seed = wish.open, one = row(seed);
  at("title").textContent = words(seed, one.label);
  at("picture").setAttribute("aria-label", at("title").textContent);
  if (!at("large").open) at("large").showModal();
  let picture;
  await engine.make([one], wish.truncation, () => wish.open === seed, (_, made) => { picture = made; });
  if (picture) draw(at("picture"), picture);
}

function turn(by) {
  const seeds = parseSeeds(wish.seeds), now = seeds.indexOf(wish.open);
  const next = now < 0 ? wish.open + BigInt(by) : seeds[now + by];
  if (next === undefined || next < 0n) return;
  wish.open = next;
  address();
  showLarge();
}

// The walk

let steps = [];

function showWalk() {
  const { seeds, count } = parseWalk(wish);
  wish.at = Math.min(wish.at, count - 1);
  at("at").max = count - 1;
  steps = new Array(count);
  return showStep(seeds, count);
}

async function showStep(seeds, count) {
  const place = wish.at, leg = Math.floor(place / wish.frames), part = (place % wish.frames) / wish.frames;
  const label = engine.label(seeds[0], wish.label);
  const told = label === null ? "" : words(0, label).slice("Seed 0".length);
  const between = `${Math.round(part * 100)} % of the way from seed ${seeds[leg]} to ${seeds[(leg + 1) % seeds.length]}`;
  at("at").value = place;
  at("where").textContent = (part ? between : `Seed ${seeds[leg]}`) + told;
  at("at").setAttribute("aria-valuetext", at("where").textContent);
  at("step").setAttribute("aria-label", at("where").textContent);
  if (!steps[place]) {
    const kept = steps;
    await make([{ z: engine.walkZ(seeds, wish.frames, place), label }], (_, picture) => { kept[place] = picture; });
    if (kept !== steps || place !== wish.at) return;
  }
  if (steps[place]) draw(at("step"), steps[place]);
  if (count * engine.width * engine.height * 4 > 2 ** 28) steps.fill(undefined);
}

function stop() {
  clearTimeout(timer);
  timer = 0;
  at("play").textContent = "Play";
  at("play").setAttribute("aria-pressed", "false");
  if (wish.way === "walk") address();
}

function play() {
  const { seeds, count } = parseWalk(wish);
  if (!wish.loop && wish.at === count - 1) wish.at = -1;
  const walk = steps;
  const go = async () => {
    const due = performance.now() + 1000 / STEPS_A_SECOND;
    if (!wish.loop && wish.at >= count - 1) return stop();
    wish.at = (wish.at + 1) % count;
    await showStep(seeds, count);
    if (timer && walk === steps) timer = setTimeout(go, Math.max(0, due - performance.now()));
  };
  at("play").textContent = "Stop";
  at("play").setAttribute("aria-pressed", "true");
  timer = setTimeout(go);
}

// Files and links

function nameOf(what) {
  const parts = [engine.facts.name, engine.facts.nimg, what];
  if (wish.label !== null) parts.push(`class-${wish.label}`);
  if (wish.truncation !== 1) parts.push(`truncation-${wish.truncation}`);
  return `${parts.join("-").toLowerCase().replace(/[^a-z0-9.]+/g, "-").replace(/^-|-$/g, "").slice(0, 120)}.png`;
}

function save(canvas, what) {
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    [link.href, link.download] = [URL.createObjectURL(blob), nameOf(what)];
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

function saveShown() {
  if (wish.way === "walk") return save(at("step"), `walk-${wish.walk}-at-${wish.at}`);
  const pictures = [...at("pictures").querySelectorAll("canvas")], gap = 2;
  const columns = Math.ceil(Math.sqrt(pictures.length)), whole = document.createElement("canvas");
  whole.width = columns * (engine.width + gap) - gap;
  whole.height = Math.ceil(pictures.length / columns) * (engine.height + gap) - gap;
  const paper = whole.getContext("2d");
  paper.fillStyle = "rgb(128, 128, 128)";
  paper.fillRect(0, 0, whole.width, whole.height);
  pictures.forEach((picture, index) => {
    const left = (index % columns) * (engine.width + gap), top = Math.floor(index / columns) * (engine.height + gap);
    paper.clearRect(left, top, engine.width, engine.height);
    paper.drawImage(picture, left, top);
  });
  return save(whole, `seeds-${wish.seeds}`);
}

async function copy(event) {
  const button = event.currentTarget;
  address();
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
  } catch {
    button.textContent = "It is in the address bar"; // no clipboard, as on a host without https
  }
  setTimeout(() => { button.textContent = "Copy link"; }, 2500);
}

// From wish to page and back

function address() { history.replaceState(null, "", writeWish(wish)); }

async function update() {
  stop();
  address();
  complain("");
  document.body.classList.toggle("walk", wish.way === "walk");
  document.body.classList.toggle("grid", wish.way !== "walk");
  document.querySelector(`[name="way"][value="${wish.way}"]`).checked = true;
  for (const name of ["seeds", "walk", "frames"]) at(name).value = wish[name];
  at("loop").checked = wish.loop;
  if (at("class")) at("class").value = wish.label ?? "";
  if (at("truncation")) [at("truncation").value, at("psi").textContent] = [wish.truncation, wish.truncation];
  try {
    const shown = wish.way === "walk" ? showWalk() : showGrid();
    await Promise.all([shown, wish.way === "walk" ? null : showLarge()]);
  } catch (error) {
    asked++;
    complain(error.message);
  }
}

function listen() {
  const on = (id, what, act) => at(id)?.addEventListener(what, (event) => { act(event.target); update(); });
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  for (const tab of document.getElementsByName("way")) tab.addEventListener("change", () => { wish.way = tab.value; update(); });
  on("seeds", "change", (field) => { wish.seeds = field.value.trim(); });
  on("walk", "change", (field) => { [wish.walk, wish.at] = [field.value.trim(), 0]; });
  on("frames", "change", (field) => { [wish.frames, wish.at] = [Math.min(200, Math.max(1, Math.round(field.value) || 1)), 0]; });
  on("loop", "change", (field) => { wish.loop = field.checked; });
  on("class", "change", (field) => { wish.label = field.value === "" ? null : Number(field.value); });
  on("truncation", "input", (field) => { wish.truncation = Number(field.value); });
  at("before").addEventListener("click", () => shift(-1));
  at("after").addEventListener("click", () => shift(1));
  at("random").addEventListener("click", () => from(BigInt(Math.floor(Math.random() * 1e6)), BigInt(parseSeeds(wish.seeds).length - 1)));
  at("pictures").addEventListener("keydown", moveInGrid);
  at("at").addEventListener("input", () => {
    stop();
    wish.at = Number(at("at").value);
    const { seeds, count } = parseWalk(wish);
    showStep(seeds, count);
  });
  at("at").addEventListener("change", address);
  at("play").addEventListener("click", () => (timer ? stop() : play()));
  at("save").addEventListener("click", saveShown);
  at("save-one").addEventListener("click", () => save(at("picture"), `seed-${wish.open}`));
  document.querySelectorAll(".copy").forEach((button) => button.addEventListener("click", copy));
  at("previous").addEventListener("click", () => turn(-1));
  at("next").addEventListener("click", () => turn(1));
  at("walk-on").addEventListener("click", () => {
    [wish.way, wish.walk, wish.at] = ["walk", `${wish.open},${wish.open + 1n},${wish.open + 2n}`, 0];
    closeLarge();
    update();
  });
  at("close").addEventListener("click", closeLarge);
  at("large").addEventListener("close", () => { wish.open = null; address(); });
  at("skip").addEventListener("click", (event) => { event.preventDefault(); at("pictures").focus(); });
  document.addEventListener("keydown", keys);
  window.addEventListener("hashchange", () => { wish = readWish(location.hash, engine.facts); update(); });
}

function closeLarge() {
  const seed = wish.open;
  wish.open = null;
  at("large").close();
  const cells = [...at("pictures").children];
  const cell = cells.find((one) => one.lastChild.textContent === `${seed}`);
  if (cell) { choose(cells, cells.indexOf(cell)); cell.focus(); }
}

function keys(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (at("large").open && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    event.preventDefault();
    turn(event.key === "ArrowLeft" ? -1 : 1);
  } else if (wish.way === "walk" && event.key === " " && !/^(INPUT|BUTTON|SELECT)$/.test(event.target.tagName)) {
    event.preventDefault();
    at("play").click();
  }
}

async function start() {
  at("late").hidden = true;
  at("loading").hidden = false;
  try {
    engine = await Engine.open((there, all) => { at("progress").value = Math.min(1, there / all); });
  } catch (error) {
    at("loading").className = "complaint";
    at("loading").textContent = `The generator could not be started: ${error.message}.`;
    return;
  }
  at("loading").hidden = true;
  at("main").hidden = false;
  const side = Math.max(engine.width, engine.height);
  document.body.classList.toggle("pixels", side <= 128);
  if (side > 64) at("pictures").style.setProperty("--cell", `${Math.min(220, side)}px`);
  wish = readWish(location.hash, engine.facts);
  listen();
  await update();
}

start();
