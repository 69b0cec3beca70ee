// A walk from seed to seed.
import { address, at, className, complain, draw, make, page } from "./common.js";
import { parseWalk } from "./wish.js";

const STEPS_A_SECOND = 20;
const MAX_KEPT_BYTES = 2 ** 28;
let steps = []; // the pictures of this walk that were made
let timer = 0;

export function showWalk() {
  const { count } = parseWalk(page.wish);
  if (page.wish.at >= count) {
    complain(`The walk has ${count} pictures, 0 to ${count - 1}, and ${page.wish.at} is none of them: here is the last.`);
    page.wish.at = count - 1;
    address();
  }
  at("at").max = count - 1;
  steps = new Array(count);
  return showStep();
}

export async function showStep() {
  const { engine, wish } = page, { seeds, count } = parseWalk(wish), place = wish.at, kept = steps;
  const leg = Math.floor(place / wish.frames), part = (place % wish.frames) / wish.frames;
  const label = engine.label(seeds[0], wish.label);
  const way = part ? `${Math.round(part * 100)} % of the way from seed ${seeds[leg]} to ${seeds[(leg + 1) % seeds.length]}` : `Seed ${seeds[leg]}`;
  const told = label === null ? way : `${way}, ${className(label)}`;
  at("at").value = place;
  at("where").textContent = told;
  at("at").setAttribute("aria-valuetext", told);
  at("step").setAttribute("aria-label", told);
  let picture = kept[place];
  if (!picture) await make([{ z: engine.walkZ(seeds, wish.frames, place), label }], (_, made) => { picture = made; });
  if (count * engine.width * engine.height * 4 <= MAX_KEPT_BYTES) kept[place] = picture;
  if (picture && kept === steps && place === page.wish.at) draw(at("step"), picture);
}

export function stop() {
  clearTimeout(timer);
  timer = 0;
  at("play").textContent = "Play";
  at("play").setAttribute("aria-pressed", "false");
}

export function playOrStop() {
  if (timer) {
    stop();
    address();
    return;
  }
  const { count } = parseWalk(page.wish), walk = steps;
  if (!page.wish.loop && page.wish.at === count - 1) page.wish.at = -1;
  const go = async () => {
    const due = performance.now() + 1000 / STEPS_A_SECOND;
    page.wish.at = (page.wish.at + 1) % count;
    await showStep();
    if (!timer || walk !== steps) return;
    if (!page.wish.loop && page.wish.at === count - 1) {
      stop();
      address();
    } else {
      timer = setTimeout(go, Math.max(0, due - performance.now()));
    }
  };
  at("play").textContent = "Stop";
  at("play").setAttribute("aria-pressed", "true");
  timer = setTimeout(go);
}

// From the slider.
export function goTo(place) {
  stop();
  page.wish.at = place;
  showStep();
}
