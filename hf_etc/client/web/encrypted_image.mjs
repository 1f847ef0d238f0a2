// The page part of hf_etc.gradio.EncryptedImage: a picture input whose value is only ever a ciphertext.
//
// The plain picture and the key live in this page's memory. Nothing leaves the page before the user presses the
// button, and then only the ciphertext, as a data URL. All code is fetched with the page, none of it later.
// Pictures are decoded, resized and written beside the page, by a worker; keys stay here.

import { Background } from "./background.mjs";
import { encodeLatin1 } from "./bytes.mjs";
import { blockText, counted, dataUrl, draw, kindOf, onDrop, onFile, shareText } from "./dom.mjs";
import { Cipher, gridOf, makeSpec, MissingWindowError, ParameterError, weaknesses } from "./etc.mjs";
import { KeyCard } from "./key_card.mjs";
import { webCrypto } from "./keys.mjs";
import { MARKUP } from "./markup.mjs";

/**
 * Build the input inside `root`.
 *
 * @param {HTMLElement} root
 * @param {object} settings cipher, cipher_id, size, fit, resample (of the model, see checkConfiguration; without an
 *   id the user chooses between a key and disposable ones, see takesAnyKey), format, quality, subsampling, examples
 *   ({name, url}, data URLs), action (text of the button), hosted (true where the page comes from somebody else's
 *   server).
 * @param {(dataUrl: string | null) => void} deliver called with the ciphertext when the user asks to send it, and
 *   with null once the picture that was sent is no longer the one shown.
 */
export function mount(root, settings, deliver) {
  root.innerHTML = MARKUP;
  new EncryptedImage(root, settings, deliver).start();
}

let background = null; // one for all inputs of a page

class EncryptedImage {
  #background = (background ??= new Background());
  #keys;
  #picture = null; // the file
  #plain = null; // its pixels, of the size that is encrypted
  #problem = null; // why there are none
  #ciphertext = null;
  #isDelivered = false;
  #beforeCamera = null; // the picture that is back when the camera is left
  #turn = 0; // of the ciphertext shown: a slower, older encryption must not replace a newer one

  constructor(root, settings, deliver) {
    this.root = root;
    this.settings = JSON.parse(JSON.stringify(settings)); // what was checked is what is used, whatever changes there
    this.deliver = deliver;
    this.parts = Object.fromEntries([...root.querySelectorAll("[data-id]")].map((part) => [part.dataset.id, part]));
    this.#keys = new KeyCard(this.parts, this.settings, () => this.#encrypt());
  }

  async start() {
    this.parts.send.textContent = this.settings.action;
    this.#keys.start();
    this.#listenForPictures();
    this.#showExamples();
    this.parts.send.addEventListener("click", () => this.#send());
    this.#sayPicture();
    try {
      webCrypto();
      await Promise.all([this.#keys.openKept(), this.#fetchTheRest()]);
    } catch (error) {
      this.#keys.tell(error.message, "bad");
    }
  }

  /** What the page does not show itself with, and needs before it can be cut off from the network. */
  async #fetchTheRest() {
    const decoders = this.#background.do("getReady", { format: this.settings.format });
    await Promise.all([decoders, import("./vendor/noble-scrypt.mjs")]);
  }

  #listenForPictures() {
    const { parts } = this;
    onFile(parts["picture-file"], (file) => this.#usePicture(file));
    onDrop(parts.drop, (file) => this.#usePicture(file));
    document.addEventListener(
      "paste",
      (event) => {
        const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
        if (!file || !this.root.isConnected) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        this.#usePicture(file);
      },
      true,
    );
    parts.window.addEventListener("change", () => this.#usePicture(this.#picture));
    parts.camera.addEventListener("click", () => this.#startCamera());
    parts.shoot.addEventListener("click", () => this.#shoot());
    parts["stop-camera"].addEventListener("click", () => {
      this.#usePicture(this.#beforeCamera);
      parts.camera.focus();
    });
    parts.clear.addEventListener("click", () => {
      this.#usePicture(null);
      parts["picture-file"].focus();
    });
  }

  // Bring a picture to size and show it, with a key or without; no file takes the picture away.
  async #usePicture(file) {
    [this.#picture, this.#plain, this.#problem] = [file, null, null];
    this.parts.clear.hidden = !file;
    this.#stopCamera();
    this.#encrypt();
    if (!file) return;
    try {
      const plain = await this.#prepare(file);
      if (file === this.#picture) this.#plain = plain;
    } catch (error) {
      if (file === this.#picture) this.#refuse(error);
    }
    if (file === this.#picture) await this.#encrypt();
  }

  #refuse(error) {
    this.#problem = error.message;
    if (error instanceof MissingWindowError) this.parts["window-entry"].hidden = false;
  }

  #prepare(file) {
    const { size, fit, resample } = this.settings;
    const window = this.parts.window.value.trim() || null;
    const given = { file, window, options: { size, fit, resample }, grid: gridOf(makeSpec(this.#keys.cipher)) };
    return this.#background.do("prepare", given, (step) => file === this.#picture && this.#tell(step));
  }

  // Encrypt the picture with the key at hand, show it, and offer to send the ciphertext.
  async #encrypt() {
    const turn = ++this.#turn;
    if (this.#plain) this.#problem = null;
    this.#show(null);
    if (!this.#plain || !this.#keys.isReady) return;
    try {
      const made = await this.#makeCiphertext(this.#plain);
      if (turn === this.#turn) this.#show(made);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#problem = error.message;
      this.#show(null);
    }
  }

  async #makeCiphertext(plain) {
    const { size, format, quality, subsampling } = this.settings;
    const cipher = new Cipher(this.#keys.key, this.#keys.cipher);
    const weak = size === null && !this.#keys.allowsWeak ? weaknesses(cipher.spec, [plain.height, plain.width]) : [];
    if (weak.length) throw new ParameterError(`${weak.join("; ")}; choose a larger one`);
    const encode = (image, options) => this.#background.do("encode", { image, options });
    const options = { format, quality, subsampling, encode, anySize: size === null };
    const { bytes, encrypted } = await cipher.seal(plain, options);
    // What is shown is what will be sent, a lossy format included.
    const sent = format === "png" ? encrypted : await this.#background.do("decode", { bytes });
    return { bytes, type: `image/${format}`, sent, url: await dataUrl(bytes, `image/${format}`) };
  }

  #show(made) {
    const { parts } = this;
    const plain = this.#plain;
    this.#withdraw();
    draw(parts.plain, plain);
    draw(parts.encrypted, made?.sent);
    parts["plain-hint"].hidden = Boolean(plain);
    parts["encrypted-hint"].hidden = Boolean(made);
    this.#ciphertext = made && this.#keys.permits ? made.url : null;
    const size = made && `${counted(made.bytes.length)} of ${kindOf(made.type)}`;
    parts.size.textContent = this.#ciphertext ? `${size} will be sent` : "What will be sent";
    parts.blocks.textContent = made ? blockText(this.#keys.cipher) : "";
    parts.share.textContent = made ? shareText(made.sent, plain) : "";
    parts.share.hidden = !parts.share.textContent;
    parts.send.disabled = !this.#ciphertext;
    this.#sayPicture(made);
  }

  #sayPicture(made) {
    const { isReady, permits } = this.#keys;
    const isBusy = Boolean(this.#picture && !this.#problem && (isReady || !this.#plain) && !made);
    this.parts.progress.hidden = !isBusy;
    if (this.#problem) this.#tell(`This picture cannot be used: ${this.#problem}`, "bad");
    else if (this.#picture && !this.#plain) this.#tell("Reading the picture …");
    else if (!isReady && !this.#picture) this.#tell("Open your key and choose a picture.");
    else if (!isReady) this.#tell("Picture chosen. Now open your key: it encrypts the picture.");
    else if (!this.#picture) this.#tell("Now choose a picture.");
    else if (!made) this.#tell("Encrypting …");
    else if (!permits) this.#tell("Nothing can be sent: see what is said about the key.", "bad");
    else this.#tell(`Ready. Your file has ${counted(this.#picture.size)}; none of them leave this page.`, "good");
  }

  #send() {
    if (!this.#ciphertext) return;
    this.#isDelivered = true;
    this.deliver(this.#ciphertext);
  }

  #withdraw() {
    if (this.#isDelivered) this.deliver(null);
    this.#isDelivered = false;
  }

  #showExamples() {
    const { examples } = this.parts;
    for (const { name, url } of this.settings.examples) {
      const [button, picture] = [document.createElement("button"), document.createElement("img")];
      button.type = "button";
      picture.src = url;
      picture.alt = `Example ${name}`;
      button.append(picture);
      button.addEventListener("click", () => this.#usePicture(new Blob([encodeLatin1(atob(url.split(",")[1]))])));
      examples.append(button);
      examples.hidden = false;
    }
  }

  async #startCamera() {
    const { video, shoot, camera, clear } = this.parts;
    const before = this.#picture;
    await this.#usePicture(null);
    this.#beforeCamera = before;
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      await video.play();
      video.hidden = shoot.hidden = this.parts["stop-camera"].hidden = false;
      camera.hidden = clear.hidden = this.parts["plain-hint"].hidden = true;
      shoot.focus();
    } catch {
      await this.#usePicture(before);
      this.#tell("The camera cannot be used: allow it in the browser, or choose a file.", "bad");
    }
  }

  #shoot() {
    const { video } = this.parts;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => this.#usePicture(blob), "image/png");
    this.parts["picture-file"].focus();
  }

  #stopCamera() {
    const { video, shoot, camera } = this.parts;
    video.srcObject?.getTracks().forEach((track) => track.stop());
    video.srcObject = this.#beforeCamera = null;
    video.hidden = shoot.hidden = this.parts["stop-camera"].hidden = true;
    camera.hidden = false;
  }

  #tell(text, tone = "") {
    const line = this.parts["picture-status"];
    line.textContent = text;
    line.dataset.tone = tone;
  }
}
