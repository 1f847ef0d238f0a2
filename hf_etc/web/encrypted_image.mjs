// The page part of hf_etc.gradio.EncryptedImage: a picture input whose value is only ever a ciphertext.
//
// The plain picture and the key live in this page's memory. Nothing leaves the page before the user presses the
// button, and then only the ciphertext, as a data URL. All code is fetched with the page, none of it later.

import { encodeLatin1 } from "./bytes.mjs";
import { counted, dataUrl, draw, kindOf, onDrop, onFile, save, stored } from "./dom.mjs";
import {
  decodeCiphertext,
  encryptPicture,
  generateKey,
  isSalt,
  keyFromPassphrase,
  keyId,
  keyText,
  parseKey,
} from "./etc.mjs";
import { loadEncoder } from "./jpeg.mjs";
import { webCrypto } from "./keys.mjs";
import "./vendor/noble-scrypt.mjs";

const STORED_KEY = "hf-etc-key";
const KEY_FILE_BYTES = 4096;

const MARKUP = `
  <fieldset data-id="key-card">
    <legend>Your key</legend>
    <p data-id="key-status" class="he-status" role="status"></p>
    <label class="he-text" data-id="key-entry"><span data-id="key-label"></span>
      <input type="password" data-id="key-text" autocomplete="off" spellcheck="false"></label>
    <div class="he-row">
      <label class="he-button">Open key file<input type="file" data-id="key-file" class="he-hidden"></label>
      <button type="button" data-id="new-key">Make a new key</button>
      <button type="button" data-id="save-key" hidden>Download key</button>
      <button type="button" data-id="forget-key" hidden>Forget key</button>
    </div>
    <label class="he-check"><input type="checkbox" data-id="keep-key">
      Keep the key in this browser for the next visit</label>
  </fieldset>
  <fieldset>
    <legend>Your picture</legend>
    <div class="he-views">
      <figure>
        <label class="he-tile he-drop" data-id="drop">
          <input type="file" data-id="picture-file" accept="image/png,image/jpeg,image/webp" class="he-hidden"
            aria-label="Choose a picture">
          <canvas data-id="plain" role="img" aria-label="Your picture" hidden></canvas>
          <video data-id="video" playsinline muted hidden></video>
          <span data-id="plain-hint"><b>Choose a picture</b><br>or drop it here, or paste it</span>
        </label>
        <figcaption>Your picture stays in this page</figcaption>
      </figure>
      <span class="he-arrow" aria-hidden="true">→</span>
      <figure>
        <div class="he-tile">
          <canvas data-id="encrypted" role="img" aria-label="The ciphertext" hidden></canvas>
          <span data-id="encrypted-hint">The ciphertext will appear here</span>
        </div>
        <figcaption data-id="size">What will be sent</figcaption>
      </figure>
    </div>
    <div class="he-row">
      <button type="button" data-id="camera">Use the camera</button>
      <button type="button" data-id="shoot" hidden>Take the picture</button>
      <button type="button" data-id="clear" hidden>Remove picture</button>
    </div>
    <div class="he-examples" data-id="examples" hidden><span>Or try one of these:</span></div>
  </fieldset>
  <p data-id="picture-status" class="he-status" role="status"></p>
  <button type="button" class="he-send" data-id="send" disabled></button>`;

/**
 * Build the input inside `root`.
 *
 * @param {HTMLElement} root
 * @param {object} settings cipher, size, fit, resample, format, quality, subsampling, key_id, examples
 *   ({name, url}, data URLs), action (text of the button).
 * @param {(dataUrl: string | null) => void} deliver called with the ciphertext when the user asks to send it, and
 *   with null once the picture that was sent is no longer the one shown.
 */
export function mount(root, settings, deliver) {
  root.innerHTML = MARKUP;
  new EncryptedImage(root, settings, deliver).start();
}

class EncryptedImage {
  #key = null; // the only place that holds it
  #salt = null; // of a key file that needs its passphrase
  #isNew = false;
  #picture = null;
  #ciphertext = null;
  #isDelivered = false;
  #turn = 0; // of the picture shown: a slower, older encryption must not replace a newer one

  constructor(root, settings, deliver) {
    this.root = root;
    this.settings = settings;
    this.deliver = deliver;
    this.parts = Object.fromEntries([...root.querySelectorAll("[data-id]")].map((part) => [part.dataset.id, part]));
  }

  async start() {
    this.parts.send.textContent = this.settings.action;
    this.#listenForKeys();
    this.#listenForPictures();
    this.#showExamples();
    this.parts.send.addEventListener("click", () => this.#send());
    this.#sayKey();
    this.#sayPicture();
    try {
      webCrypto();
      if (this.settings.format === "jpeg") await loadEncoder();
    } catch (error) {
      return this.#tell("key", error.message, "bad");
    }
    const kept = stored(() => localStorage.getItem(STORED_KEY));
    if (kept) {
      this.parts["keep-key"].checked = true;
      await this.#takeKey(() => parseKey(kept));
    }
  }

  #listenForKeys() {
    const { parts } = this;
    onFile(parts["key-file"], (file) => this.#readKeyFile(file));
    onDrop(parts["key-card"], (file) => this.#readKeyFile(file));
    const readEntry = () => {
      const text = parts["key-text"].value;
      parts["key-text"].value = "";
      if (text) this.#takeKey(() => (this.#salt ? keyFromPassphrase(text, this.#salt) : this.#readKey(text)));
    };
    parts["key-text"].addEventListener("change", readEntry);
    parts["key-text"].addEventListener("paste", () => setTimeout(readEntry));
    parts["new-key"].addEventListener("click", () => this.#takeKey(generateKey, true));
    parts["save-key"].addEventListener("click", () => this.#downloadKey());
    parts["forget-key"].addEventListener("click", () => {
      this.#takeKey(() => null);
      parts["key-file"].focus(); // the button is about to disappear
    });
    parts["keep-key"].addEventListener("change", () => this.#keepKey());
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

  async #readKeyFile(file) {
    await this.#takeKey(async () => this.#readKey(await file.slice(0, KEY_FILE_BYTES).text()));
  }

  #readKey(text) {
    this.#salt = isSalt(text) ? text : null;
    return this.#salt ? null : parseKey(text);
  }

  // A key that cannot be read leaves none: what is sent is never encrypted with an earlier one by mistake.
  async #takeKey(read, isNew = false) {
    let problem = null;
    this.#key = await Promise.resolve().then(read).catch((error) => {
      problem = error.message;
      return null;
    });
    if (this.#key) this.#salt = null;
    this.#isNew = isNew;
    await this.#keepKey();
    this.#sayKey();
    if (problem) this.#tell("key", problem, "bad");
    await this.#encrypt();
  }

  #sayKey() {
    const { parts } = this;
    const [fits, wanted] = [this.#keyFits(), this.settings.key_id];
    parts["save-key"].hidden = parts["forget-key"].hidden = !this.#key;
    parts["key-entry"].hidden = parts["new-key"].hidden = fits;
    parts["key-label"].textContent = this.#salt ? "Passphrase of this key file" : "Paste the key";
    parts["key-text"].placeholder = this.#salt ? "" : "hfetc1-…";
    if (this.#salt) this.#tell("key", "This key file needs its passphrase.");
    else if (!this.#key) this.#tell("key", `Open the model's key, ${wanted}. Only this page reads it; it is never sent.`);
    else if (fits) this.#tell("key", `✓ ${wanted}: the model's key`, "good");
    else if (this.#isNew) {
      const advice = `The model here knows key ${wanted} only.`;
      this.#tell("key", `New key ${keyId(this.#key)}: download it, to encrypt data and train with it. ${advice}`, "bad");
    } else this.#tell("key", `This is key ${keyId(this.#key)}. The model was trained with key ${wanted}: open that one.`, "bad");
  }

  #keyFits() {
    return this.#key !== null && keyId(this.#key) === this.settings.key_id;
  }

  async #keepKey() {
    const text = this.#key && this.parts["keep-key"].checked ? await keyText(this.#key) : null;
    stored(() => (text ? localStorage.setItem(STORED_KEY, text) : localStorage.removeItem(STORED_KEY)));
  }

  async #downloadKey() {
    save(`${await keyText(this.#key)}\n`, `${keyId(this.#key)}.key`);
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
    if (!this.#picture || !this.#key) return;
    try {
      const made = await this.#makeCiphertext();
      if (turn === this.#turn) this.#show(made);
    } catch (error) {
      if (turn === this.#turn) this.#tell("picture", `This picture cannot be used: ${error.message}`, "bad");
    }
  }

  async #makeCiphertext() {
    const { cipher, size, fit, resample, format, quality, subsampling } = this.settings;
    const options = { ...cipher, size, fit, resample, format, quality, subsampling };
    const { bytes, type, plain, encrypted } = await encryptPicture(this.#picture, this.#key, options);
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
    this.#ciphertext = made && this.#keyFits() ? made.url : null;
    const size = made && `${counted(made.bytes.length)} of ${kindOf(made.type)}`;
    parts.size.textContent = this.#ciphertext ? `${size} will be sent` : "What will be sent";
    parts.send.disabled = !this.#ciphertext;
    this.#sayPicture(made);
  }

  #sayPicture(made) {
    if (!this.#key && !this.#picture) this.#tell("picture", "Open your key and choose a picture.");
    else if (!this.#key) this.#tell("picture", "Picture chosen. Now open your key: it encrypts the picture.");
    else if (!this.#picture) this.#tell("picture", "Now choose a picture.");
    else if (!made) this.#tell("picture", "Encrypting …");
    else if (!this.#keyFits()) this.#tell("picture", "Nothing can be sent: this is not the model's key.", "bad");
    else this.#tell("picture", `Ready. Your file has ${counted(this.#picture.size)}; none of them leave this page.`, "good");
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
      this.#tell("picture", "The camera cannot be used: allow it in the browser, or choose a file.", "bad");
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

  #tell(what, text, tone = "") {
    const line = this.parts[`${what}-status`];
    line.textContent = text;
    line.dataset.tone = tone;
  }
}
