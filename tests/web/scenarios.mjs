// Runs the scenarios of tests/vectors/ (see its README.md) on etc.mjs.

import { fromHex, toHex } from "../../hf_etc/client/web/bytes.mjs";
import { checkMarker } from "../../hf_etc/client/web/cipher.mjs";
import { planInfo } from "../../hf_etc/client/web/ciphers/base.mjs";
import { checkMarkedSize, checkTag, readCiphertext } from "../../hf_etc/client/web/ciphertext.mjs";
import * as etc from "../../hf_etc/client/web/etc.mjs";
import { KeyStream } from "../../hf_etc/client/web/keystream.mjs";
import { taggedMessage } from "../../hf_etc/client/web/marker.mjs";
import { encode } from "../../hf_etc/client/web/vendor/fast-png.mjs";

const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const FILL = "((i * 2654435761) mod 2^32) div 2^24";
const OPTIONS = ["gap", "jitter", "keep", "disposable"]; // of etc, shown where a marker has them
const INLINE_BYTES = 1024; // longer results are stored as their SHA-256

/** Resolves to null, or to what is wrong. */
export async function checkScenario({ group, input, result, error }) {
  if (!Object.hasOwn(RUNNERS, group)) return `unknown group "${group}"`;
  const [found, wanted] = [await outcome(RUNNERS[group], input), result ?? error].map(sortedJson);
  return found === wanted ? null : `expected ${wanted?.slice(0, 300)}, got ${found?.slice(0, 300)}`;
}

async function outcome(run, input) {
  try {
    return await run(input);
  } catch (error) {
    if (error instanceof etc.EtcError) return error.name;
    throw error;
  }
}

const RUNNERS = {
  async key_parse({ text }) {
    const key = await etc.parseKey(text);
    return keyFacts(key, { text: await etc.keyText(key) });
  },

  passphrase: async ({ passphrase, salt }) => keyFacts(await etc.keyFromPassphrase(passphrase, salt)),
  key_id: async ({ key }) => ({ key_id: etc.keyId(await keyOf(key)) }),

  async derive({ key: hex, cipher: name, parameters, height, width, nonce }) {
    const [key, spec] = [await keyOf(hex), etc.makeSpec({ ...parameters, cipher: name })];
    const size = height === null && width === null ? [] : [height, width];
    const id = await etc.cipherId(key, spec, size.length ? size : null);
    const planKey = size.length ? toHex(await key.derive(planInfo(spec, ...size, nonceOf(nonce)))) : null;
    return { settings: etc.settingsText(spec, ...size), cipher_id: id, plan_key: planKey };
  },

  stream: async ({ length, ...given }) => ({ bytes: toHex(await (await streamOf(given)).read(length)) }),
  permutation: async ({ n, ...given }) => ({ values: [...(await (await streamOf(given)).permutation(n))] }),
  integers: async ({ count, below, ...given }) => ({
    values: [...(await (await streamOf(given)).integers(count, below))],
  }),

  async plan({ key, height, width, nonce, parameters, cipher }) {
    return showPlan(await (await cipherOf({ key, cipher, parameters })).plan(height, width, nonceOf(nonce)));
  },

  async layout({ key, height, width, nonce, parameters }) {
    const cipher = new etc.Cipher(await keyOf(key), { cipher: "etc", ...parameters });
    return { layout: layoutFields(await cipher.plan(height, width, nonceOf(nonce))) };
  },

  async encrypt(input) {
    const { data, height, width } = await (await cipherOf(input)).encrypt(imageOf(input), nonceOf(input.nonce));
    const isAnother = height !== input.height || width !== input.width;
    return { pixels: await showBytes(data), ...(isAnother ? { height, width } : {}) };
  },

  async decrypt(input) {
    const cipher = await cipherOf(input);
    const size = [input.height, input.width];
    const [height, width] = etc.outputSize(cipher.spec, ...size);
    const { data } = await cipher.decrypt(imageOf({ ...input, height, width }), nonceOf(input.nonce), size);
    return { pixels: await showBytes(data) };
  },

  async layout_apply({ layout, ...input }) {
    const { data, ...size } = new etc.Layout(layout).apply(imageOf(input));
    return { ...size, pixels: await showBytes(data) };
  },

  async layout_undo({ layout: fields, ...input }) {
    const layout = new etc.Layout(fields);
    return { pixels: await showBytes(layout.undo(imageOf(input)).data), sent: await showBytes(layout.sent()) };
  },

  layout_inverse: ({ layout }) => ({ layout: layoutFields(new etc.Layout(layout).inverse()) }),
  layout_then: ({ layout, second }) => ({
    layout: layoutFields(new etc.Layout(layout).followedBy(new etc.Layout(second))),
  }),
  layout_plan: ({ layout }) => showPlan(new etc.Layout(layout)),

  async tag({ key, text, kind, data }) {
    const untagged = etc.markerFromJson(text.replace(/}$/, `,"tag":"${"0".repeat(32)}"}`));
    return { tag: await (await keyOf(key)).tag(taggedMessage(untagged, kind, fromHex(data))) };
  },

  async marker({ text, height, width }) {
    const marker = etc.markerFromJson(text);
    checkMarkedSize({ height, width }, marker);
    const { cipherId: id, nonce, tag } = marker;
    const given = JSON.parse(text);
    const shown = Object.entries(marker.spec).filter(([name]) => !OPTIONS.includes(name) || name in given);
    const size = { height: marker.height, width: marker.width };
    return {
      marker: { ...Object.fromEntries(shown), ...size, id, ...(nonce ? { nonce: toHex(nonce) } : {}), tag },
    };
  },

  marker_place: async ({ file }) => ({ text: etc.markerToJson((await readCiphertext(fromBase64(file))).marker) }),

  async authenticate({ key, file, expected }) {
    const found = await readCiphertext(fromBase64(file));
    const { cipher, parameters } = expected ?? {};
    const params = expected ? { cipher, ...parameters } : found.marker.spec;
    await checkMarker(await keyOf(key), etc.makeSpec(params), found.marker);
    const { kind, data } = await checkTag(await keyOf(key), found);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    return { id: found.marker.cipherId, kind, data: toHex(digest) };
  },

  async configuration({ key, configuration, allow_weak: allowWeak }) {
    await etc.checkConfiguration(await keyOf(key), configuration, { allowWeak });
    return { cipher_id: configuration.cipher_id ?? null };
  },

  /** Through a PNG, the one format that is decoded here; it has no CMYK. */
  async to_rgb({ mode, height, width, samples, window }) {
    const bytes = fromHex(samples);
    const channels = { L: 1, LA: 2, RGBA: 4, "I;16": 1 }[mode];
    if (!channels) throw new Error(`no PNG has mode ${mode}`);
    const data =
      mode === "I;16"
        ? Uint16Array.from({ length: height * width }, (_, i) => bytes[2 * i] + 256 * bytes[2 * i + 1])
        : bytes;
    const file = encode({ data, height, width, channels, depth: mode === "I;16" ? 16 : 8 });
    return { pixels: await showBytes((await etc.loadPicture(file, window)).data) };
  },

  async prepare({ size, fit, resample, block_size: grid, ...input }) {
    const { data, height, width } = etc.prepare(imageOf(input), etc.makePreparation({ size, fit, resample }), grid);
    return { height, width, pixels: await showBytes(data) };
  },
};

async function cipherOf({ key, cipher, parameters }) {
  return new etc.Cipher(await keyOf(key), { cipher, ...parameters });
}

async function showPlan({ index, mask, symbolBits }) {
  const symbols = symbolBits === 8 ? {} : { symbol_bits: symbolBits };
  return { index: await showIndex(index), mask: await showBytes(mask), ...symbols };
}

/** The fields of a layout as the vectors have them. */
export function layoutFields({ symbolBits, ...fields }) {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === "number" ? value : [...value]]),
  );
}

async function keyFacts(key, more = {}) {
  return { key_id: key.keyId, key: await masterHex(key), ...more };
}

/** The key bytes, which only its text gives away. */
async function masterHex(key) {
  const digits = (await etc.keyText(key)).slice("hfetc2-".length);
  const bits = [...digits].map((digit) =>
    "abcdefghijklmnopqrstuvwxyz234567".indexOf(digit).toString(2).padStart(5, "0"),
  );
  return toHex(
    bits
      .join("")
      .slice(0, 256)
      .match(/.{8}/g)
      .map((byte) => parseInt(byte, 2)),
  );
}

function keyOf(hex) {
  return etc.EtcKey.fromBytes(fromHex(hex));
}

async function streamOf({ plan_key: hex, step }) {
  return new KeyStream(await crypto.subtle.importKey("raw", fromHex(hex), "AES-CTR", false, ["encrypt"]), step);
}

/** An empty text is an empty nonce, which is refused; null is none. */
function nonceOf(hex) {
  return hex === null ? null : fromHex(hex);
}

function imageOf({ pixels, height, width }) {
  if (typeof pixels === "string") return { data: fromHex(pixels), height, width };
  if (pixels.fill !== FILL) throw new Error(`unknown fill ${pixels.fill}`);
  const data = Uint8Array.from({ length: 3 * height * width }, (_, i) => Math.imul(i, 2654435761) >>> 24);
  return { data, height, width };
}

async function showBytes(bytes) {
  return bytes.length <= INLINE_BYTES ? toHex(bytes) : sha256(bytes);
}

async function showIndex(index) {
  return index.length <= INLINE_BYTES ? [...index] : sha256(new Uint8Array(index.buffer));
}

async function sha256(bytes) {
  return { sha256: toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))) };
}

function sortedJson(value) {
  const sorted = (thing) =>
    thing && typeof thing === "object" && !Array.isArray(thing)
      ? Object.fromEntries(
          Object.keys(thing)
            .sort()
            .map((name) => [name, sorted(thing[name])]),
        )
      : thing;
  return JSON.stringify(sorted(value));
}
