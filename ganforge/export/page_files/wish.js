// What is asked for, as it stands in the address after the #, and what people type.

const DEFAULTS = {
  way: "seeds", odd: "", label: null, truncation: 1, open: null, walk: "0,1,2", frames: 30, loop: true, at: 0,
};
const MAX_PICTURES = 1000;

// `0-23,100` -> [0n, ..., 23n, 100n]; throws a sentence for anything else.
export function parseSeeds(text) {
  const seeds = [];
  for (const part of text.split(",")) {
    const found = /^\s*([0-9]{1,18})(?:-([0-9]{1,18}))?\s*$/.exec(part);
    const [first, last] = found ? [BigInt(found[1]), BigInt(found[2] ?? found[1])] : [1n, 0n];
    if (last < first) throw new Error(`Seeds are whole numbers and ranges such as 0-23 or 1,5,20-29, and “${text}” is not.`);
    if (last - first >= BigInt(MAX_PICTURES)) throw new Error(`Ask for at most ${MAX_PICTURES} pictures at a time.`);
    for (let seed = first; seed <= last; seed++) seeds.push(seed);
  }
  if (seeds.length > MAX_PICTURES) throw new Error(`Ask for at most ${MAX_PICTURES} pictures at a time.`);
  return seeds;
}

// What a walk is made of: its seeds and how many pictures it has.
export function parseWalk(wish) {
  const seeds = parseSeeds(wish.walk);
  if (seeds.length < 2) throw new Error("A walk leads from seed to seed: give two or more, such as 3,17,42.");
  const count = wish.loop ? seeds.length * wish.frames : (seeds.length - 1) * wish.frames + 1;
  if (count > MAX_PICTURES) throw new Error(`A walk has at most ${MAX_PICTURES} pictures: give fewer seeds or steps.`);
  return { seeds, count };
}

// The part of the address after the # -> a wish; what makes no sense there is left at its default, and told in `odd`.
export function readWish(fragment, facts) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const used = new Set(["seeds", "walk"]); // what is wrong in these is told by what reads them
  const wish = { ...DEFAULTS, seeds: Math.max(...facts.shape.slice(1)) <= 64 ? "0-39" : "0-23" };
  const number = (name, least, most, whole) => {
    const value = given.has(name) && given.get(name) !== "" ? Number(given.get(name)) : NaN;
    if (!(value >= least && value <= most && (!whole || Number.isInteger(value)))) return null;
    used.add(name);
    return value;
  };
  if (given.has("seeds")) wish.seeds = given.get("seeds");
  if (/^[0-9]{1,18}$/.test(given.get("seed") ?? "")) {
    wish.open = BigInt(given.get("seed"));
    used.add("seed");
    if (!given.has("seeds")) wish.seeds = `${wish.open}`;
  }
  if (given.has("walk")) [wish.way, wish.walk] = ["walk", given.get("walk")];
  wish.frames = number("frames", 1, 200, true) ?? DEFAULTS.frames;
  wish.loop = given.get("loop") !== "no";
  if (/^(yes|no)$/.test(given.get("loop") ?? "")) used.add("loop");
  wish.at = number("at", 0, MAX_PICTURES - 1, true) ?? 0;
  if (facts.noise === "normal") wish.truncation = number("truncation", 0.05, 1, false) ?? 1;
  if (facts.num_classes) wish.label = number("class", 0, facts.num_classes - 1, true);
  wish.odd = oddOnes(given, used);
  return wish;
}

// A sentence on what an address asks for that this page does not have; "" where all is well.
function oddOnes(given, used) {
  const odd = [...given].filter(([name]) => !used.has(name)).map(([name, value]) => `“${`${name}=${value}`.slice(0, 40)}”`);
  return odd.length ? `Not understood in the address, and left out: ${odd.slice(0, 4).join(", ")}${odd.length > 4 ? ", ..." : ""}.` : "";
}

export function writeWish(wish) {
  const told = [];
  if (wish.way === "walk") {
    told.push(`walk=${wish.walk.replace(/\s/g, "")}`, `frames=${wish.frames}`, `at=${wish.at}`);
    if (!wish.loop) told.push("loop=no");
  } else {
    if (wish.open !== null) told.push(`seed=${wish.open}`);
    if (`${wish.open}` !== wish.seeds) told.push(`seeds=${wish.seeds.replace(/\s/g, "")}`);
  }
  if (wish.label !== null) told.push(`class=${wish.label}`);
  if (wish.truncation !== 1) told.push(`truncation=${wish.truncation}`);
  return `#${told.join("&")}`;
}
