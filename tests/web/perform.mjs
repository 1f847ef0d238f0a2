// What the tests ask of etc.mjs, in Node and in a browser alike. Bytes travel as base64.

import { Background } from "../../hf_etc/client/web/background.mjs";
import { fromHex } from "../../hf_etc/client/web/bytes.mjs";
import { inspectFile } from "../../hf_etc/client/web/containers.mjs";
import { encodeFile } from "../../hf_etc/client/web/ciphertext.mjs";
import * as etc from "../../hf_etc/client/web/etc.mjs";
import { checkScenario, layoutFields } from "./scenarios.mjs";

/** Resolves to { result } or, where etc.mjs refuses, to { error, message }. */
export async function perform({ op, ...given }) {
  try {
    return { result: await OPERATIONS[op](given) };
  } catch (error) {
    if (error instanceof etc.EtcError) return { error: error.name, message: error.message };
    throw error;
  }
}

const OPERATIONS = {
  scenario: ({ scenario }) => checkScenario(scenario),
  listCiphers: () => etc.listCiphers(),

  async plan({ height, width, nonce, ...given }) {
    const cipher = await cipherOf(given);
    const { index, mask, symbolBits } = await cipher.plan(height, width, nonceOf(nonce));
    const id = await cipher.cipherId(height, width);
    return { index: toBase64(new Uint8Array(index.buffer)), mask: toBase64(mask), symbolBits, id };
  },

  async encrypt({ image, nonce, ...given }) {
    return show(await (await cipherOf(given)).encrypt(read(image), nonceOf(nonce)));
  },

  async decrypt({ image, nonce, ...given }) {
    return show(await (await cipherOf(given)).decrypt(read(image), nonceOf(nonce)));
  },

  layout({ layout: fields, second, image }) {
    const layout = new etc.Layout(fields);
    for (const list of Object.values(fields)) if (Array.isArray(list)) list.fill(0); // a layout keeps its own
    const applied = layout.apply(read(image));
    return {
      ...{ applied: show(applied), back: show(layout.undo(applied)), sent: toBase64(layout.sent()) },
      inverse: layout.tiles ? layoutFields(layout.inverse()) : null,
      both: second ? layoutFields(layout.followedBy(new etc.Layout(second))) : null,
    };
  },

  prepare: ({ image, options, grid }) => show(etc.prepare(read(image), etc.makePreparation(options), grid)),
  load: async ({ file, window }) => show(await etc.loadPicture(fromBase64(file), window)),

  encode: async ({ image, options }) => toBase64(await encodeFile(read(image), options)),

  async prepareBeside({ file, options, grid }) {
    return show(await beside().do("prepare", { file: new Blob([fromBase64(file)]), options, grid }));
  },
  async encodeBeside({ image, options }) {
    return toBase64(await beside().do("encode", { image: read(image), options }));
  },

  async encryptPicture({ file, key, options }) {
    const { bytes, type, marker, plain, encrypted } = await etc.encryptPicture(
      fromBase64(file),
      key && (await etc.parseKey(key)),
      options,
    );
    const images = { plain: show(plain), encrypted: show(encrypted) };
    return { bytes: toBase64(bytes), type, marker: etc.markerToJson(marker), ...images };
  },

  async decryptPicture({ file, key, params }) {
    return show(await etc.decryptPicture(fromBase64(file), await etc.parseKey(key), params));
  },

  async decryptUnauthenticated({ file, key, params, nonce }) {
    return show(await etc.decryptUnauthenticated(fromBase64(file), await etc.parseKey(key), params, nonceOf(nonce)));
  },

  cipherId: async ({ key, params, size }) => etc.cipherId(await etc.parseKey(key), params, size),

  async checkConfiguration({ key, configuration, options }) {
    return etc.checkConfiguration(await etc.parseKey(key), configuration, options);
  },

  makeSpec: ({ params }) => etc.makeSpec(params),
  bare: ({ file }) => toBase64(inspectFile(fromBase64(file)).bare),
  parseKey: async ({ text }) => (await etc.parseKey(text)).keyId,

  /** Every text that a page could come by without asking for the key itself. */
  async exposure({ key: text }) {
    const key = await etc.parseKey(text);
    const cipher = new etc.Cipher(key, { block_size: 16 });
    const clone = structuredClone(key);
    return [key, cipher, clone].flatMap((thing) => [String(thing), JSON.stringify(thing), ...Object.keys(thing)]);
  },
};

let background = null;

function beside() {
  return (background ??= new Background());
}

async function cipherOf({ key, params }) {
  return new etc.Cipher(await etc.parseKey(key), params);
}

function nonceOf(hex) {
  return hex ? fromHex(hex) : null;
}

function read({ data, height, width }) {
  return { data: fromBase64(data), height, width };
}

function show({ data, height, width }) {
  return { data: toBase64(data), height, width };
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

export function toBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}
