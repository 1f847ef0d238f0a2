// Small things done to a page, for encrypted_image.mjs. Nothing here sends anything.

import { toRgba } from "./prepare.mjs";

/** Hand the file that the user chooses to `use`; the input forgets it at once. */
export function onFile(input, use) {
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = "";
    if (file) use(file);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return; // it looks like a button, and they all know Space already
    event.preventDefault();
    input.click();
  });
}

/** Hand a file dropped on `part` to `use`. */
export function onDrop(part, use) {
  for (const kind of ["dragover", "dragleave", "drop"]) {
    part.addEventListener(kind, (event) => {
      event.preventDefault();
      event.stopPropagation();
      part.classList.toggle("he-over", kind === "dragover");
      const file = kind === "drop" && event.dataTransfer.files[0];
      if (file) use(file);
    });
  }
}

/** Offer a text as a download. */
export function save(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

/** Show an RGB image on a canvas, or hide it. */
export function draw(canvas, image) {
  canvas.hidden = !image;
  [canvas.width, canvas.height] = [image?.width ?? 1, image?.height ?? 1];
  if (image) canvas.getContext("2d").putImageData(new ImageData(toRgba(image), image.width, image.height), 0, 0);
}

/** The data URL of bytes. */
export function dataUrl(bytes, type) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(new Blob([bytes], { type }));
  });
}

/** A number of bytes, in words. */
export function counted(bytes) {
  return `${bytes.toLocaleString("en")} bytes`;
}

/** PNG, of image/png. */
export function kindOf(type) {
  return type.split("/")[1].toUpperCase();
}

/** What a ciphertext leaves to be seen, in words; "" where it has no blocks. */
export function blockText({ block_size: size }) {
  return size > 1 ? `Inside a block of ${size} × ${size} pixels everything stays visible` : "";
}

const FRACTIONS = { "a tenth": 1 / 10, "a fifth": 1 / 5, "a quarter": 1 / 4, "a third": 1 / 3, half: 1 / 2 };

/** How much of a picture is sent, in words; "" where it is all of it. */
export function shareText(sent, picture) {
  const share = (sent.height * sent.width) / (picture.height * picture.width);
  if (share === 1) return "";
  const near = Object.keys(FRACTIONS).find((name) => Math.abs(FRACTIONS[name] - share) < 0.01);
  const pixels = `${sent.height} × ${sent.width} of ${picture.height} × ${picture.width} pixels`;
  return `${pixels}: ${near ?? `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`} of the picture leaves this page, scrambled`;
}
