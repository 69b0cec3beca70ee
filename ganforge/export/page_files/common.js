// What every part of the page uses: what is asked for, and how pictures and words come to be shown.
import { writeWish } from "./wish.js";

export const page = { engine: null, wish: null, update: null };
let asked = 0; // counts what was asked for: what was made for something older is not shown

export const at = (id) => document.getElementById(id);
export const row = (seed) => ({ z: page.engine.z(seed), label: page.engine.label(seed, page.wish.label) });

// The address of what is shown, which brings it back.
export function address() { history.replaceState(null, "", writeWish(page.wish)); }

export function say(text) { at("said").textContent = text; }

export function complain(text) {
  at("complaint").textContent = text;
  at("complaint").hidden = !text;
}

export function draw(canvas, picture) {
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

export function className(label) {
  const name = page.engine.facts.class_names[label];
  return `class ${label}${name && name !== `${label}` ? ` (${name})` : ""}`;
}

export function words(seed, label) { return label === null ? `Seed ${seed}` : `Seed ${seed}, ${className(label)}`; }

export function forget() { asked++; }

// Makes the pictures of rows, and says how long several took; what goes wrong is said, too.
export async function make(rows, show) {
  const mine = ++asked, start = performance.now();
  let made = 0;
  try {
    await page.engine.make(rows, page.wish.truncation, () => mine === asked, (index, picture) => {
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
