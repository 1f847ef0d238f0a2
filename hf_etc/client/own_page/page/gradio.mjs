// Gradio's HTTP interface, for a page that asks a classifier by itself. As little as possible is believed.

import { printable } from "./settings.mjs";

const MAX_SETTINGS = 2 ** 16; // bytes
const MAX_ABOUT = 2 ** 18;
const MAX_ANSWER = 2 ** 25;
const MAX_LABELS = 100;
const PATIENCE = 300_000; // milliseconds

/** The address in what a user typed: a server's, or that of USER/SPACE on the Hub. */
export function addressOf(typed) {
  const text = typed.trim();
  const space = text.match(/^([\w.-]+)\/([\w.-]+)$/);
  if (space) return `https://${space.slice(1).join("-").toLowerCase().replace(/[^a-z0-9-]/g, "-")}.hf.space`;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isLocal = url?.protocol === "http:" && ["127.0.0.1", "localhost"].includes(url.hostname);
  if (!isLocal && url?.protocol !== "https:") {
    throw new Error("give USER/SPACE, or an address that begins with https:// (http:// for this machine only)");
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}

/** The classifier's settings, unchecked. */
export async function fetchSettings(address) {
  const [settings] = await call(address, "settings", [], MAX_SETTINGS);
  return settings;
}

/** What the server says of its model, unchecked; null where it says nothing. */
export async function fetchAbout(address) {
  const [about] = await call(address, "about", [], MAX_ABOUT).catch(() => [null]);
  return about;
}

/** Labels of a ciphertext: [{label, score}], the likeliest first. */
export async function classify(address, dataUrl) {
  const [answer] = await call(address, "classify", [dataUrl], MAX_ANSWER);
  const labels = answer?.confidences;
  const isShare = (value) => typeof value === "number" && value >= 0 && value <= 1;
  const isOne = (one) => typeof one?.label === "string" && isShare(one.confidence);
  if (!Array.isArray(labels) || !labels.length || !labels.slice(0, MAX_LABELS).every(isOne)) {
    throw new Error("the server gave no labels; is it a classifier of encrypted images?");
  }
  const shown = labels.slice(0, MAX_LABELS);
  return shown.map(({ label, confidence }) => ({ label: printable(label, 100), score: confidence }));
}

async function call(address, name, data, limit) {
  const signal = AbortSignal.timeout(PATIENCE);
  const url = `${address}/gradio_api/call/${name}`;
  const headers = { "Content-Type": "application/json" };
  const post = { method: "POST", headers, body: JSON.stringify({ data }), signal };
  const id = json(await fetchText(url, post, 1024))?.event_id;
  const isId = typeof id === "string" && /^[\w-]{1,64}$/.test(id);
  const results = isId ? resultsOf(await fetchText(`${url}/${id}`, { signal }, limit)) : null;
  if (!Array.isArray(results)) throw new Error("the server does not answer as a classifier of encrypted images");
  return results;
}

/** What a stream of server-sent events ends with. */
function resultsOf(stream) {
  let event = "";
  for (const line of stream.split(/\r?\n/)) {
    if (line.startsWith("event: ")) event = line.slice(7);
    if (!line.startsWith("data: ")) continue;
    const data = json(line.slice(6));
    if (event === "complete") return data;
    if (event !== "error") continue;
    const said = typeof data === "string" ? data : data?.error;
    throw new Error(typeof said === "string" ? `the server says: ${printable(said)}` : "the server failed");
  }
  return null;
}

async function fetchText(url, options, limit) {
  const nothingElse = { credentials: "omit", redirect: "error", referrerPolicy: "no-referrer", cache: "no-store" };
  const response = await fetch(url, { ...options, ...nothingElse }).catch(() => {
    throw new Error("the server cannot be reached, or does not let this page ask it");
  });
  const text = await readBounded(response, limit);
  if (response.ok) return text;
  const detail = json(text)?.detail;
  const status = `the server answers with HTTP ${response.status}`;
  throw new Error(typeof detail === "string" ? `the server says: ${printable(detail)}` : status);
}

async function readBounded(response, limit) {
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let [text, size] = ["", 0];
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new Error("the answer is cut off");
    });
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      throw new Error(`the answer has more than ${limit} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
