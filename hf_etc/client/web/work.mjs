// What takes long on a picture and needs no key, so that a worker can do it: worker.mjs, or the page itself.
// Each function takes one object, and a function that is told each step.

import { encodeFile } from "./ciphertext.mjs";
import { inspectFile } from "./containers.mjs";
import { loadEncoder } from "./jpeg.mjs";
import { decodePixels, loadPicture } from "./picture.mjs";
import { makePreparation, prepare } from "./prepare.mjs";

export const WORK = {
  /** Fetch now what is needed later, with `format` files to encode. */
  async getReady({ format }) {
    await Promise.all([import("./png.mjs"), format === "jpeg" && loadEncoder()]);
  },

  /** The RGB image of a picture file, brought to size. Throws what loadPicture() and prepare() throw. */
  async prepare({ file, window, options, grid }, say) {
    const preparation = makePreparation(options);
    say("Reading the picture …");
    const picture = await loadPicture(file, window);
    say("Bringing the picture to size …");
    return prepare(picture, preparation, grid);
  },

  /** An image file, as yet without a marker. */
  encode: ({ image, options }) => encodeFile(image, options),

  /** The pixels of a file that was just encoded. */
  decode: ({ bytes }) => decodePixels(inspectFile(bytes)),
};
