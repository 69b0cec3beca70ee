// What is taken away from the page: PNG files and links.
import { address, at, page } from "./common.js";

const GAP = 2; // pixels between the pictures of a grid, as ganforge draws it

function nameOf(what) {
  const { facts } = page.engine, { label, truncation } = page.wish;
  const parts = [facts.name, facts.nimg, what];
  if (label !== null) parts.push(`class-${label}`);
  if (truncation !== 1) parts.push(`truncation-${truncation}`);
  const plain = parts.join("-").toLowerCase().replace(/[^a-z0-9.]+/g, "-").replace(/^-|-$/g, "");
  return `${plain.slice(0, 120)}.png`;
}

function save(canvas, what) {
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    [link.href, link.download] = [URL.createObjectURL(blob), nameOf(what)];
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

export function saveLarge() { save(at("picture"), `seed-${page.wish.open}`); }

export function saveShown() {
  const { engine, wish } = page;
  if (wish.way === "walk") return save(at("step"), `walk-${wish.walk}-at-${wish.at}`);
  const pictures = [...at("pictures").querySelectorAll("canvas")], whole = document.createElement("canvas");
  const columns = Math.ceil(Math.sqrt(pictures.length));
  whole.width = columns * (engine.width + GAP) - GAP;
  whole.height = Math.ceil(pictures.length / columns) * (engine.height + GAP) - GAP;
  const paper = whole.getContext("2d");
  paper.fillStyle = "rgb(128, 128, 128)";
  paper.fillRect(0, 0, whole.width, whole.height);
  pictures.forEach((picture, index) => {
    const left = (index % columns) * (engine.width + GAP), top = Math.floor(index / columns) * (engine.height + GAP);
    paper.clearRect(left, top, engine.width, engine.height);
    paper.drawImage(picture, left, top);
  });
  return save(whole, `seeds-${wish.seeds}`);
}

export async function copyLink({ currentTarget: button }) {
  address();
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
  } catch {
    button.textContent = "It is in the address bar"; // no clipboard, as on a host without https
  }
  setTimeout(() => { button.textContent = "Copy link"; }, 2500);
}
