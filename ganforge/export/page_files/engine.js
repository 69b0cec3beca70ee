// From z to pictures: fetches the model and what runs it, and hands work to the worker, one piece at a time.
import { between, seedZ } from "./noise.js";

const PIECE_NUMBERS = 3 * 64 * 64 * 8; // in the pictures made before the next look at what is wanted: 8 of 64 x 64
const MAX_ROWS = 64;

async function bytesOf(name, arrived) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: the server answered ${answer.status}`);
  const pieces = [];
  for (const reader = answer.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    arrived(value.length);
  }
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  pieces.reduce((at, piece) => (bytes.set(piece, at), at + piece.length), 0);
  return bytes;
}

export class Engine {
  // progress: is told how many of all bytes have arrived.
  static async open(progress) {
    const facts = await (await fetch("model.json")).json();
    let there = 0;
    const arrived = (count) => progress((there += count), facts.bytes);
    const [runtime, model] = await Promise.all(["onnxruntime.wasm", "model.onnx"].map((name) => bytesOf(name, arrived)));
    const engine = new Engine(facts);
    await engine.#ask({ runtime, model }, [runtime.buffer, model.buffer]);
    return engine;
  }

  #worker = new Worker("worker.js", { type: "module" });
  #last = Promise.resolve();

  constructor(facts) {
    this.facts = facts;
    [this.channels, this.height, this.width] = facts.shape;
  }

  z(seed) { return seedZ(this.facts.noise, this.facts.z_dim, seed); }

  // z on a walk that is `frames` steps from each seed to the next.
  walkZ(seeds, frames, at) {
    const leg = Math.floor(at / frames);
    const start = this.z(seeds[leg]);
    return at % frames ? between(this.facts.noise, start, this.z(seeds[(leg + 1) % seeds.length]), (at % frames) / frames) : start;
  }

  // Of a model that is told the class: the one asked for, or the seed's remainder.
  label(seed, chosen) {
    if (!this.facts.num_classes) return null;
    return chosen === null ? Number(seed % BigInt(this.facts.num_classes)) : chosen;
  }

  // Makes pictures of rows { z, label }; show(index, ImageData) for each, while wanted() is true.
  async make(rows, truncation, wanted, show) {
    const numbers = this.channels * this.height * this.width;
    const piece = Math.max(1, Math.min(MAX_ROWS, Math.floor(PIECE_NUMBERS / numbers)));
    for (let first = 0; first < rows.length && wanted(); first += piece) {
      const some = rows.slice(first, first + piece);
      const z = new Float32Array(some.length * this.facts.z_dim);
      some.forEach((row, at) => z.set(truncation === 1 ? row.z : row.z.map((one) => one * truncation), at * this.facts.z_dim));
      const labels = this.facts.num_classes ? some.map((row) => row.label) : null;
      const made = await this.#ask({ z, rows: some.length, labels }, [z.buffer]);
      if (!wanted()) return;
      some.forEach((row, at) => show(first + at, this.#picture(made.subarray(at * numbers, (at + 1) * numbers))));
    }
  }

  #picture(bytes) {
    const picture = new ImageData(this.width, this.height);
    for (let pixel = 0; pixel < this.width * this.height; pixel++) {
      for (let channel = 0; channel < 4; channel++) {
        const given = channel < this.channels ? channel : channel === 3 ? -1 : 0;
        picture.data[pixel * 4 + channel] = given < 0 ? 255 : bytes[pixel * this.channels + given];
      }
    }
    return picture;
  }

  // One question at a time: the next waits for the last one's answer.
  #ask(question, handed) {
    const asked = this.#last.then(() => new Promise((answer, refuse) => {
      this.#worker.onmessage = ({ data }) => (data.fault ? refuse(new Error(data.fault)) : answer(data.made));
      this.#worker.onerror = (event) => refuse(new Error(event.message || "the worker could not be started"));
      this.#worker.postMessage(question, handed);
    }));
    this.#last = asked.catch(() => {});
    return asked;
  }
}
