// The page: what is asked for (wish.js) shown as pictures that the engine makes.
import { address, at, complain, forget, page, say } from "./common.js";
import { Engine } from "./engine.js";
import { closed, jump, moveInGrid, shift, showGrid, showLarge, turn } from "./grid.js";
import { copyLink, saveLarge, saveShown } from "./keep.js";
import { goTo, playOrStop, showWalk, stop } from "./walk.js";
import { readWish } from "./wish.js";

async function update() {
  const { wish } = page, walking = wish.way === "walk";
  stop();
  address();
  complain(wish.odd);
  wish.odd = ""; // said once: the address has no more of it
  say("");
  document.body.classList.toggle("walk", walking);
  document.body.classList.toggle("grid", !walking);
  fillControls(wish);
  try {
    await (walking ? showWalk() : Promise.all([showGrid(), showLarge()]));
  } catch (error) {
    forget();
    complain(error.message);
  }
}

function fillControls(wish) {
  document.querySelector(`[name="way"][value="${wish.way}"]`).checked = true;
  for (const name of ["seeds", "walk", "frames"]) at(name).value = wish[name];
  at("loop").checked = wish.loop;
  if (at("class")) at("class").value = wish.label ?? "";
  if (at("truncation")) [at("truncation").value, at("psi").textContent] = [wish.truncation, wish.truncation];
}

function listenToControls() {
  const on = (id, what, take) => at(id)?.addEventListener(what, ({ target }) => {
    take(page.wish, target.value, target);
    update();
  });
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  for (const tab of document.getElementsByName("way")) {
    tab.addEventListener("change", () => {
      page.wish.way = tab.value;
      update();
    });
  }
  on("seeds", "change", (wish, text) => { wish.seeds = text.trim(); });
  on("walk", "change", (wish, text) => { [wish.walk, wish.at] = [text.trim(), 0]; });
  on("frames", "change", (wish, text) => { [wish.frames, wish.at] = [Math.min(200, Math.max(1, Math.round(text) || 1)), 0]; });
  on("loop", "change", (wish, _, box) => { wish.loop = box.checked; });
  on("class", "change", (wish, text) => { wish.label = text === "" ? null : Number(text); });
  on("truncation", "input", (wish, text) => { wish.truncation = Number(text); });
}

function listen() {
  const click = (id, act) => at(id).addEventListener("click", act);
  listenToControls();
  click("before", () => shift(-1));
  click("after", () => shift(1));
  click("random", jump);
  click("play", playOrStop);
  click("save", saveShown);
  click("save-one", saveLarge);
  click("previous", () => turn(-1));
  click("next", () => turn(1));
  click("close", () => at("large").close());
  click("walk-on", () => {
    const { wish } = page;
    [wish.way, wish.walk, wish.at] = ["walk", `${wish.open},${wish.open + 1n},${wish.open + 2n}`, 0];
    wish.open = null;
    at("large").close();
    update();
  });
  click("skip", (event) => {
    event.preventDefault();
    at("pictures").focus();
  });
  document.querySelectorAll(".copy").forEach((button) => button.addEventListener("click", copyLink));
  at("at").addEventListener("input", () => goTo(Number(at("at").value)));
  at("at").addEventListener("change", address);
  at("large").addEventListener("close", closed);
  at("pictures").addEventListener("keydown", moveInGrid);
  document.addEventListener("keydown", keys);
  window.addEventListener("hashchange", () => {
    page.wish = readWish(location.hash, page.engine.facts);
    update();
  });
}

function keys(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (at("large").open && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    event.preventDefault();
    turn(event.key === "ArrowLeft" ? -1 : 1);
  } else if (page.wish.way === "walk" && event.key === " " && !/^(INPUT|BUTTON|SELECT)$/.test(event.target.tagName)) {
    event.preventDefault();
    playOrStop();
  }
}

async function start() {
  at("late").hidden = true;
  at("loading").hidden = false;
  try {
    page.engine = await Engine.open((there, all) => { at("progress").value = Math.min(1, there / all); });
  } catch (error) {
    at("loading").className = "complaint";
    at("loading").textContent = `The generator could not be started: ${error.message}.`;
    return;
  }
  at("loading").hidden = true;
  at("main").hidden = false;
  const side = Math.max(page.engine.width, page.engine.height);
  document.body.classList.toggle("pixels", side <= 128);
  if (side > 64) at("pictures").style.setProperty("--cell", `${Math.min(220, side)}px`);
  page.wish = readWish(location.hash, page.engine.facts);
  page.update = update;
  listen();
  await update();
}

start();
