// The page part of hf_etc.gradio.EncryptedImage: a picture input whose value is only ever a ciphertext.
//
// The plain picture and the key live in this page's memory. Nothing leaves the page before the user presses the
// button, and then only the ciphertext, as a data URL. All code is fetched with the page, none of it later.

import { encodeLatin1 } from "./bytes.mjs";
import { counted, dataUrl, draw, kindOf, onDrop, onFile, shareText } from "./dom.mjs";
import { decodeCiphertext, encryptPicture, ParameterError, weaknesses } from "./etc.mjs";
import { loadEncoder } from "./jpeg.mjs";
import { KeyCard } from "./key_card.mjs";
import { webCrypto } from "./keys.mjs";
import { MARKUP } from "./markup.mjs";
import "./vendor/noble-scrypt.mjs";

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

class EncryptedImage {
  #keys;
  #picture = null;
  #ciphertext = null;
  #isDelivered = false;
  #turn = 0; // of the picture shown: a slower, older encryption must not replace a newer one

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
      if (this.settings.format === "jpeg") await loadEncoder();
    } catch (error) {
      return this.#keys.tell(error.message, "bad");
    }
    await this.#keys.openKept();
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
    parts.camera.addEventListener("click", () => this.#startCamera());
    parts.shoot.addEventListener("click", () => this.#shoot());
    parts.clear.addEventListener("click", () => {
      this.#usePicture(null);
      parts["picture-file"].focus();
    });
  }

  async #usePicture(file) {
    this.#picture = file;
    this.parts.clear.hidden = !file;
    this.#stopCamera();
    await this.#encrypt();
  }

  // Encrypt the picture with the key at hand, show both, and offer to send the ciphertext.
  async #encrypt() {
    const turn = ++this.#turn;
    this.#show(null);
    if (!this.#picture || !this.#keys.isReady) return;
    try {
      const made = await this.#makeCiphertext();
      if (turn === this.#turn) this.#show(made);
    } catch (error) {
      if (turn === this.#turn) this.#tell(`This picture cannot be used: ${error.message}`, "bad");
    }
  }

  async #makeCiphertext() {
    const { size, fit, resample, format, quality, subsampling } = this.settings;
    const options = { ...this.#keys.cipher, size, fit, resample, format, quality, subsampling };
    const { bytes, type, plain, encrypted, marker } = await encryptPicture(this.#picture, this.#keys.key, options);
    const weak = size === null && !this.#keys.allowsWeak ? weaknesses(marker.spec, [plain.height, plain.width]) : [];
    if (weak.length) throw new ParameterError(`${weak.join("; ")}; choose a larger one`);
    // What is shown is what will be sent, a lossy format included.
    const sent = format === "png" ? encrypted : (await decodeCiphertext(bytes)).image;
    return { bytes, type, plain, sent, url: await dataUrl(bytes, type) };
  }

  #show(made) {
    const { parts } = this;
    this.#withdraw();
    draw(parts.plain, made?.plain);
    draw(parts.encrypted, made?.sent);
    parts["plain-hint"].hidden = parts["encrypted-hint"].hidden = Boolean(made);
    this.#ciphertext = made && this.#keys.permits ? made.url : null;
    const size = made && `${counted(made.bytes.length)} of ${kindOf(made.type)}`;
    parts.size.textContent = this.#ciphertext ? `${size} will be sent` : "What will be sent";
    parts.share.textContent = made ? shareText(made.sent, made.plain) : "";
    parts.share.hidden = !parts.share.textContent;
    parts.send.disabled = !this.#ciphertext;
    this.#sayPicture(made);
  }

  #sayPicture(made) {
    const { isReady, permits } = this.#keys;
    if (!isReady && !this.#picture) this.#tell("Open your key and choose a picture.");
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
    const { video } = this.parts;
    await this.#usePicture(null);
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      await video.play();
      video.hidden = this.parts.shoot.hidden = false;
      this.parts.camera.hidden = this.parts["plain-hint"].hidden = true;
      this.parts.shoot.focus();
    } catch {
      this.#stopCamera();
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
    video.srcObject = null;
    video.hidden = shoot.hidden = true;
    camera.hidden = false;
  }

  #tell(text, tone = "") {
    const line = this.parts["picture-status"];
    line.textContent = text;
    line.dataset.tone = tone;
  }
}
