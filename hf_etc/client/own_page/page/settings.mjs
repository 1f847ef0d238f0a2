// A classifier's settings, as they come from a server or a file that is not trusted.

import { EtcError, makePreparation, makeSpec, outputSize, ParameterError, takesAnyKey } from "../../web/etc.mjs";

const ID = "cipher_id";
const ID_FORM = /^[0-9a-f]{32}$/;
const MAX_CLASSES = 1000;
const HUB_ID = /^[\w-][\w.-]*\/[\w-][\w.-]*$/;
const MAX_PIXELS = 2048 * 2048;

/**
 * What the picture input needs, read from the public configuration of an image processor.
 *
 * @param {unknown} saved as in preprocessor_config.json.
 * @param {{format?: string, quality?: number, subsampling?: string}} file what kind of file to make.
 * @param {string} action text of the button.
 * Throws ParameterError: this is no such configuration, or one that no model of this package has.
 */
export function readSettings(saved, file, action) {
  if (saved?.image_processor_type !== "EtcImageProcessor") {
    throw new ParameterError("these are not the settings of a model of encrypted images");
  }
  try {
    const spec = makeSpec(plainObject(saved.cipher));
    if (spec.disposable) throw new ParameterError("a client alone chooses disposable keys");
    const { encrypted_height: height, encrypted_width: width } = plainObject(saved.size);
    if (!(height * width <= MAX_PIXELS)) throw new ParameterError("a page needs a fixed size, of 2048x2048 at most");
    const [fit, resample] = [saved.fit, saved.resample].map(text);
    const preparation = makePreparation({ size: [height, width], fit, resample });
    outputSize(spec, height, width);
    if (!takesAnyKey({ cipher: spec, [ID]: saved[ID] }) && !ID_FORM.test(text(saved[ID]))) throw new ParameterError(`${ID} has another form`);
    const id = { [ID]: saved[ID] ?? null };
    return { cipher: spec, ...id, ...preparation, ...withDefaults(file), action, examples: [], hosted: false };
  } catch (error) {
    if (error instanceof EtcError) throw new ParameterError(`unusable settings: ${printable(error.message)}`);
    throw new ParameterError("unusable settings: damaged");
  }
}

/**
 * What a server says of its model, as texts to show; null where it says nothing of this form.
 *
 * @returns {{name: string, hubId: string | null, classes: string[], count: number} | null} hubId: USER/MODEL.
 */
export function readAbout(said) {
  const { name, hub_id: id, classes, count } = said ?? {};
  if (typeof name !== "string" || !Array.isArray(classes) || !Number.isSafeInteger(count)) return null;
  const names = classes.slice(0, MAX_CLASSES);
  if (!names.every((one) => typeof one === "string")) return null;
  const hubId = typeof id === "string" && id.length <= 200 && HUB_ID.test(id) ? id : null;
  return { name: printable(name, 100), hubId, classes: names.map((one) => printable(one, 100)), count };
}

/** The public id in settings from readSettings(); null: any key will do. */
export function idOf(settings) {
  return settings[ID];
}

/** A text of someone else on one line, without control characters and marks that turn the writing round. */
export function printable(text, limit = 300) {
  const kept = text.slice(0, 4 * limit).replace(/\s+/gu, " ").replace(/\p{C}/gu, "").trim();
  return kept.length <= limit ? kept : `${kept.slice(0, limit - 1)}…`;
}

function withDefaults({ format = "png", quality = 85, subsampling = "4:4:4" }) {
  return { format, quality, subsampling };
}

function text(value) {
  if (typeof value !== "string") throw new ParameterError("damaged");
  return value;
}

function plainObject(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ParameterError("damaged");
  return value;
}
