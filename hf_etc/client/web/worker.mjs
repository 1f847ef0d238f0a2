// The worker of background.mjs: pictures come in, pictures and files go out, and never a key.

import { WORK } from "./work.mjs";

async function work({ data: { number, name, given } }) {
  try {
    const result = await WORK[name](given, (step) => postMessage({ number, step }));
    postMessage({ number, result }, result?.data ? [result.data.buffer] : []);
  } catch ({ name: kind, message }) {
    postMessage({ number, error: { kind, message } });
  }
}

if (!globalThis.document) addEventListener("message", work); // the page in one file is its own worker
