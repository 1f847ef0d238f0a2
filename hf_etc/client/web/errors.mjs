// Every error that this client raises on purpose: one line that says what is wrong and what to do.
// The names are those of hf_etc/errors.py.

export class EtcError extends Error {
  get name() {
    return this.constructor.name;
  }
}

/** A value that was refused, as an error message shows it. */
export function shown(value) {
  let text;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = String(value); // a BigInt, or an object that holds itself
  }
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** A key text, passphrase or salt is malformed. */
export class KeyFormatError extends EtcError {}
/** An operation needs a key and there is none. */
export class MissingKeyError extends EtcError {}
/** The key at hand is not the one that an image, model or salt was made with. */
export class KeyMismatchError extends EtcError {}
/** A parameter of a cipher, format or preparation is out of range. */
export class ParameterError extends EtcError {}
/** The size of an image does not fit the block grid, or is not the size it was encrypted at. */
export class GeometryError extends EtcError {}
/** An input cannot be used as an image. */
export class ImageError extends EtcError {}
/** Grayscale of more than 8 bits, and nobody said which values become black and white. */
export class MissingWindowError extends ImageError {}
/** A ciphertext was expected and the image carries no marker. */
export class NotACiphertextError extends ImageError {}
/** A plain image was expected and the image carries a ciphertext marker. */
export class AlreadyEncryptedError extends ImageError {}
/** The marker of a ciphertext image is damaged or of an unknown version. */
export class MarkerError extends EtcError {}
/** The tag of a ciphertext is not this key's for what the file holds. */
export class AuthenticationError extends EtcError {}
/** The browser cannot do what is needed here. */
export class BrowserError extends EtcError {}
