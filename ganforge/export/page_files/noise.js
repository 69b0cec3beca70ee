// A seed's z, as ganforge draws it in Python (base/seeding.py, base/noise.py): the same seed is the same picture.
// Uniform noise is equal to the bit; normal noise to the last bits, in which PyTorch's own processors differ, too.

const MASK = (1n << 64n) - 1n;
const IV = [
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
];
const SIGMA = [
  "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "905724afe1bc683d",
  "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0",
].map((row) => [...row].map((digit) => parseInt(digit, 16)));
const MIXED = [
  [0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15],
  [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14],
];

// BLAKE2b of at most 128 ASCII characters, 8 bytes of digest, as a little-endian number. Source: RFC 7693.
export function blake2b64(text) {
  const words = new Array(16).fill(0n);
  [...text].forEach((letter, at) => { words[at >> 3] |= BigInt(letter.charCodeAt(0)) << BigInt(8 * (at & 7)); });
  const first = IV[0] ^ 0x01010008n;
  const v = [first, ...IV.slice(1), ...IV];
  v[12] ^= BigInt(text.length);
  v[14] ^= MASK;
  const turned = (word, by) => (word >> by) | ((word << (64n - by)) & MASK);
  for (let round = 0; round < 12; round++) {
    const order = SIGMA[round % 10];
    MIXED.forEach(([a, b, c, d], at) => {
      v[a] = (v[a] + v[b] + words[order[2 * at]]) & MASK;
      v[d] = turned(v[d] ^ v[a], 32n);
      v[c] = (v[c] + v[d]) & MASK;
      v[b] = turned(v[b] ^ v[c], 24n);
      v[a] = (v[a] + v[b] + words[order[2 * at + 1]]) & MASK;
      v[d] = turned(v[d] ^ v[a], 16n);
      v[c] = (v[c] + v[d]) & MASK;
      v[b] = turned(v[b] ^ v[c], 63n);
    });
  }
  return first ^ v[0] ^ v[8];
}

// The numbers, 32 bits each, of PyTorch's generator on the CPU. Source: Matsumoto, Nishimura 1998, "Mersenne twister".
export function mt19937(seed) {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let at = 1; at < 624; at++) {
    state[at] = Math.imul(1812433253, state[at - 1] ^ (state[at - 1] >>> 30)) + at;
  }
  let next = 624;
  return () => {
    if (next === 624) {
      for (let at = 0; at < 624; at++) {
        const both = (state[at] & 0x80000000) | (state[(at + 1) % 624] & 0x7fffffff);
        state[at] = state[(at + 397) % 624] ^ (both >>> 1) ^ (both & 1 ? 0x9908b0df : 0);
      }
      next = 0;
    }
    let word = state[next++];
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  };
}

// torch.randn of fewer than 16 numbers: pairs in double precision.
function fewNormals(count, random) {
  const uniform = () => {
    const high = random();
    return ((high & 0x1fffff) * 2 ** 32 + random()) / 2 ** 53;
  };
  const z = new Float32Array(count);
  for (let at = 0; at < count; at += 2) {
    const angle = 2 * Math.PI * uniform();
    const radius = Math.sqrt(-2 * Math.log1p(-uniform()));
    z[at] = radius * Math.cos(angle);
    if (at + 1 < count) z[at + 1] = radius * Math.sin(angle);
  }
  return z;
}

// torch.randn of 16 numbers or more: uniform ones first, then by sixteens; the last sixteen are drawn anew where the
// count leaves a rest.
function manyNormals(count, random) {
  const z = new Float32Array(count);
  const draw = (from) => { for (let at = from; at < count; at++) z[at] = (random() & 0xffffff) / 2 ** 24; };
  const turn = (from) => {
    for (let at = from; at < from + 8; at++) {
      const radius = Math.sqrt(-2 * Math.log(1 - z[at]));
      const angle = 2 * Math.PI * z[at + 8];
      z[at] = radius * Math.cos(angle);
      z[at + 8] = radius * Math.sin(angle);
    }
  };
  draw(0);
  for (let from = 0; from + 16 <= count; from += 16) turn(from);
  if (count % 16) {
    draw(count - 16);
    turn(count - 16);
  }
  return z;
}

// z [size] of a seed, a BigInt. noise: "uniform" or "normal".
export function seedZ(noise, size, seed) {
  const random = mt19937(Number((blake2b64(`${seed}/sample/0`) >> 1n) & 0xffffffffn));
  if (noise === "uniform") {
    return Float32Array.from({ length: size }, () => ((random() & 0xffffff) / 2 ** 24) * 2 - 1);
  }
  return size < 16 ? fewNormals(size, random) : manyNormals(size, random);
}

// z at a share of the way from one to another: on the line for uniform noise, on the arc for normal noise
// (base/noise.py, `between`).
export function between(noise, start, end, share) {
  const dot = (a, b) => a.reduce((sum, one, at) => sum + one * b[at], 0);
  let [from, to] = [1 - share, share];
  if (noise !== "uniform") {
    const norms = Math.sqrt(dot(start, start)) * Math.sqrt(dot(end, end));
    const angle = norms > 0 ? Math.acos(Math.max(-1, Math.min(1, dot(start, end) / norms))) : 0;
    const sine = Math.sin(angle);
    if (sine >= 1e-6) [from, to] = [Math.sin((1 - share) * angle) / sine, Math.sin(share * angle) / sine];
  }
  return start.map((one, at) => one * from + end[at] * to);
}
