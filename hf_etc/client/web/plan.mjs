// A compiled cipher: out[i] = in[index[i]] XOR mask[i] over the symbols of one image (docs/spec.md, section 4).
//
// A plan is as secret as the key. What every plan offers, one that a layout makes (layout.mjs) as well:
//   height, width, symbolBits     the image size in pixels; 8 (bytes) or 4 (nibbles)
//   index, mask                   Uint32Array and Uint8Array over all symbols
//   apply(image), undo(image)     a new image { data, height, width } of RGB bytes

/** A plan kept as its two arrays. */
export class Plan {
  constructor(index, mask, height, width, symbolBits = 8) {
    Object.assign(this, { index, mask, height, width, symbolBits });
  }

  apply(image) {
    return this.#throughSymbols(image, (from, to) => {
      for (let i = 0; i < to.length; i++) to[i] = from[this.index[i]] ^ this.mask[i];
    });
  }

  undo(image) {
    return this.#throughSymbols(image, (from, to) => {
      for (let i = 0; i < to.length; i++) to[this.index[i]] = from[i] ^ this.mask[i];
    });
  }

  #throughSymbols({ data, height, width }, move) {
    const from = this.symbolBits === 4 ? toNibbles(data) : data;
    const to = new Uint8Array(from.length);
    move(from, to);
    return { data: this.symbolBits === 4 ? fromNibbles(to) : to, height, width };
  }
}

/** All low nibbles, then all high nibbles. */
function toNibbles(bytes) {
  const nibbles = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    nibbles[i] = bytes[i] & 15;
    nibbles[bytes.length + i] = bytes[i] >> 4;
  }
  return nibbles;
}

function fromNibbles(nibbles) {
  const bytes = new Uint8Array(nibbles.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = nibbles[i] | (nibbles[bytes.length + i] << 4);
  return bytes;
}
