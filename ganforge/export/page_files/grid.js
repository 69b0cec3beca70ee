// Pictures by seed, and one of them large.
import { address, at, complain, draw, make, page, row, words } from "./common.js";
import { parseSeeds } from "./wish.js";

function choose(cells, index) {
  cells.forEach((cell, other) => { cell.tabIndex = other === index ? 0 : -1; });
}

export async function showGrid() {
  const { engine, wish } = page, seeds = parseSeeds(wish.seeds);
  const cells = seeds.map((seed) => {
    const cell = document.createElement("button"), canvas = document.createElement("canvas");
    [cell.type, cell.className, cell.title] = ["button", "cell", words(seed, engine.label(seed, wish.label))];
    cell.setAttribute("aria-label", cell.title);
    [canvas.width, canvas.height] = [engine.width, engine.height];
    cell.append(canvas, `${seed}`);
    cell.addEventListener("click", () => { wish.open = seed; address(); showLarge(); });
    return cell;
  });
  choose(cells, 0);
  at("pictures").replaceChildren(...cells);
  await make(seeds.map(row), (index, picture) => draw(cells[index].firstChild, picture));
}

export function moveInGrid(event) {
  const cells = [...at("pictures").children], now = cells.indexOf(document.activeElement);
  const columns = getComputedStyle(at("pictures")).gridTemplateColumns.split(" ").length;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  const to = event.key === "Home" ? 0 : event.key === "End" ? cells.length - 1 : now + by;
  if (now < 0 || !cells[to]) return;
  event.preventDefault();
  choose(cells, to);
  cells[to].focus();
}

// The seeds before or after those that are shown, as many.
export function shift(by) {
  const seeds = parseSeeds(page.wish.seeds);
  const first = seeds.reduce((a, b) => (b < a ? b : a)), last = seeds.reduce((a, b) => (b > a ? b : a));
  const start = first + BigInt(by) * (last - first + 1n);
  startAt(start < 0n ? 0n : start, last - first + 1n);
}

export function jump() { startAt(BigInt(Math.floor(Math.random() * 1e6)), BigInt(parseSeeds(page.wish.seeds).length)); }

function startAt(first, count) {
  page.wish.seeds = count > 1n ? `${first}-${first + count - 1n}` : `${first}`;
  page.update();
}

export async function showLarge() {
  const { engine, wish } = page, seed = wish.open;
  if (seed === null) {
    if (at("large").open) at("large").close();
    return;
  }
  const one = row(seed);
  at("title").textContent = words(seed, one.label);
  at("picture").setAttribute("aria-label", at("title").textContent);
  if (!at("large").open) {
    at("large").showModal();
    at("next").focus();
  }
  try {
    await engine.make([one], wish.truncation, () => page.wish.open === seed, (_, made) => draw(at("picture"), made));
  } catch (error) {
    complain(`The picture could not be made: ${error.message}.`);
  }
}

// The large picture's neighbour among those of the grid.
export function turn(by) {
  const seeds = parseSeeds(page.wish.seeds), now = seeds.indexOf(page.wish.open);
  const next = now < 0 ? page.wish.open + BigInt(by) : seeds[now + by];
  if (next === undefined || next < 0n) return;
  page.wish.open = next;
  address();
  showLarge();
}

// After the large picture is closed: the focus goes to the small one. Told late: what closed it by itself has said what
// is to be shown now, and the address may be another already.
export function closed() {
  if (page.wish.open === null) return;
  const seed = `${page.wish.open}`, cells = [...at("pictures").children];
  page.wish.open = null;
  address();
  const index = cells.findIndex((cell) => cell.lastChild.textContent === seed);
  if (index < 0) return;
  choose(cells, index);
  cells[index].focus();
}
