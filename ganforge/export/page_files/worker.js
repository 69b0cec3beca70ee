// The generator, beside the page, which stays alive meanwhile. It asks the network for nothing: all is handed to it.
import * as ort from "./onnxruntime.js";

let session = null;

async function start({ runtime, model }) {
  ort.env.wasm.numThreads = 1; // several would need headers that not every host can send
  ort.env.wasm.wasmBinary = runtime;
  session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
}

// z: [rows * z_dim]; labels: [rows] or null -> bytes [rows, height, width, channels].
async function make({ z, rows, labels }) {
  const inputs = { z: new ort.Tensor("float32", z, [rows, z.length / rows]) };
  if (labels) inputs.labels = new ort.Tensor("int64", BigInt64Array.from(labels, BigInt), [rows]);
  const made = (await session.run(inputs))[session.outputNames[0]];
  const bytes = new Uint8Array(made.data);
  made.dispose();
  return bytes;
}

self.onmessage = async ({ data }) => {
  try {
    const made = await (session ? make(data) : start(data));
    self.postMessage({ made }, made ? [made.buffer] : []);
  } catch (error) {
    self.postMessage({ fault: String(error?.message ?? error) });
  }
};
