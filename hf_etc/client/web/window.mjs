// Which values of 16-bit grayscale become black and white: the picture's owner says so, nobody guesses.

import { MissingWindowError, ParameterError, shown } from "./errors.mjs";

const NUMBER = String.raw`\s*([-+]?\d+(?:\.\d+)?)\s*`;
const RANGE = new RegExp(`^${NUMBER}([:/])${NUMBER}$`);

/**
 * 16-bit grayscale as 8 bits.
 *
 * @param {Uint16Array} samples
 * @param {string | null} window "MIN:MAX", "CENTER/WIDTH", or "full": the upper byte.
 * @returns {Uint8Array} of the same length; at and below the window's lower end 0, at and above its upper end 255.
 * Throws MissingWindowError: nobody said which. ParameterError: it is no window.
 */
export function grayBytes(samples, window) {
  if (window === null || window === undefined) {
    const what = "the image has 16 bits per pixel, and nothing says which values become black and white";
    throw new MissingWindowError(`${what}; give a window, such as 0:4095`);
  }
  if (window === "full") return Uint8Array.from(samples, (sample) => sample >> 8);
  const [low, high] = limits(window);
  const every = Uint8Array.from({ length: 1 << 16 }, (_, value) => {
    const scaled = ((value - low) * 255) / (high - low);
    return Math.floor(Math.min(Math.max(scaled, 0), 255) + 0.5);
  });
  return Uint8Array.from(samples, (sample) => every[sample]);
}

/** The values that become black and white. */
function limits(window) {
  const found = typeof window === "string" && RANGE.exec(window);
  if (!found) throw new ParameterError(`window ${shown(window)}: use MIN:MAX, CENTER/WIDTH or full`);
  const [first, second] = [Number(found[1]), Number(found[3])];
  const [low, high] = found[2] === ":" ? [first, second] : [first - second / 2, first + second / 2];
  if (low >= high) throw new ParameterError(`window ${shown(window)}: white must lie above black`);
  return [low, high];
}
