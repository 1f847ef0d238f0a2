// The page part of hf_etc.gradio.EncryptedImage: a picture input whose value is only ever a ciphertext.
//
// The plain picture and the key live in this page's memory. Nothing leaves the page before the user presses the
// button, and then only the ciphertext: `props.value` is its data URL.

import { decodeCiphertext, encryptPicture, generateKey, keyId, keyText, parseKey, toRgba } from "./etc.mjs";

const STORED_KEY = "hf-etc-key";
const ACCEPTED = "image/png,image/jpeg,image/webp";

const MARKUP = `
  <fieldset class="he-key">
    <legend>1. Your key</legend>
    <div class="he-row">
      <label class="he-button">Open key file<input type="file" data-id="key-file" class="he-hidden"></label>
      <button type="button" data-id="new-key">Make a new key</button>
      <button type="button" data-id="save-key" hidden>Download the key</button>
      <button type="button" data-id="forget-key" hidden>Forget</button>
    </div>
    <label class="he-text">or paste its text
      <input type="password" data-id="key-text" autocomplete="off" spellcheck="false" placeholder="hfetc1-…"></label>
    <label class="he-check"><input type="checkbox" data-id="keep-key"> keep the key in this browser, for the next visit</label>
    <p data-id="key-status" class="he-status" role="status"></p>
  </fieldset>
  <fieldset class="he-picture">
    <legend>2. Your picture</legend>
    <div class="he-drop" data-id="drop" tabindex="0" role="button" aria-label="Choose a picture, drop it here, or paste it">
      <span>Drop a picture here, paste it, or press to choose a file</span></div>
    <input type="file" data-id="picture-file" accept="${ACCEPTED}" class="he-hidden" tabindex="-1" aria-label="Picture file">
    <div class="he-row">
      <button type="button" data-id="camera">Use the camera</button>
      <button type="button" data-id="shoot" hidden>Take the picture</button>
      <button type="button" data-id="clear" hidden>Remove</button>
    </div>
    <video data-id="video" playsinline muted hidden></video>
    <div class="he-examples" data-id="examples"></div>
    <p data-id="picture-status" class="he-status" role="status"></p>
  </fieldset>
  <div class="he-views" data-id="views" hidden>
    <figure><canvas data-id="plain"></canvas><figcaption>Your picture: stays in this page</figcaption></figure>
    <figure><canvas data-id="encrypted"></canvas><figcaption data-id="size">What will be sent</figcaption></figure>
  </div>
  <button type="button" class="he-send" data-id="send" disabled>Encrypt and classify</button>`;

/**
 * Build the input inside `root`.
 *
 * @param {HTMLElement} root
 * @param {object} settings cipher, size, fit, resample, format, quality, subsampling, key_id, examples (URLs).
 * @param {(dataUrl: string | null) => void} deliver called with the ciphertext when the user asks to send it, and
 *   with null when it no longer stands for what is shown.
 */
export function mount(root, settings, deliver) {
  root.innerHTML = MARKUP;
  new EncryptedImage(root, settings, deliver).start();
}

class EncryptedImage {
  #key = null; // the only place that holds it
  #file = null;
  #sealed = null;
  #turn = 0; // of the picture shown: a slower, older encryption must not replace a newer one

  constructor(root, settings, deliver) {
    this.root = root;
    this.settings = settings;
    this.deliver = deliver;
    this.parts = Object.fromEntries([...root.querySelectorAll("[data-id]")].map((part) => [part.dataset.id, part]));
  }

  start() {
    this.#listenForKeys();
    this.#listenForPictures();
    this.#showExamples();
    this.parts.send.addEventListener("click", () => this.#sealed && this.deliver(this.#sealed.url));
    const kept = localStorage.getItem(STORED_KEY);
    this.#tell("key", "The key is read by this page only. It is never sent.");
    if (kept) {
      this.parts["keep-key"].checked = true;
      this.#take(() => parseKey(kept));
    }
  }

  #listenForKeys() {
    const { parts } = this;
    parts["key-file"].addEventListener("change", (event) => {
      const [file] = event.target.files;
      event.target.value = "";
      if (file) this.#take(async () => parseKey(await file.slice(0, 4096).text()));
    });
    parts["key-text"].addEventListener("change", (event) => {
      const text = event.target.value;
      event.target.value = "";
      if (text) this.#take(() => parseKey(text));
    });
    parts["new-key"].addEventListener("click", () => this.#take(generateKey));
    parts["save-key"].addEventListener("click", () => this.#downloadKey());
    parts["forget-key"].addEventListener("click", () => this.#useKey(null));
    parts["keep-key"].addEventListener("change", () => this.#keepKey());
  }

  #listenForPictures() {
    const { parts } = this;
    parts.drop.addEventListener("click", () => parts["picture-file"].click());
    parts.drop.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      parts["picture-file"].click();
    });
    parts["picture-file"].addEventListener("change", (event) => {
      const [file] = event.target.files;
      event.target.value = "";
      if (file) this.#usePicture(file);
    });
    for (const kind of ["dragover", "dragleave", "drop"]) {
      parts.drop.addEventListener(kind, (event) => {
        event.preventDefault();
        event.stopPropagation();
        parts.drop.classList.toggle("he-over", kind === "dragover");
        if (kind === "drop" && event.dataTransfer.files[0]) this.#usePicture(event.dataTransfer.files[0]);
      });
    }
    document.addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
      if (!file || !this.root.isConnected) return;
      event.preventDefault();
      event.stopPropagation();
      this.#usePicture(file);
    }, true);
    parts.camera.addEventListener("click", () => this.#startCamera());
    parts.shoot.addEventListener("click", () => this.#shoot());
    parts.clear.addEventListener("click", () => this.#usePicture(null));
  }

  async #take(read) {
    try {
      await this.#useKey(await read());
    } catch (error) {
      this.#tell("key", error.message, "bad");
    }
  }

  async #useKey(key) {
    this.#key = key;
    this.parts["save-key"].hidden = this.parts["forget-key"].hidden = !key;
    await this.#keepKey();
    this.#sayKey();
    await this.#refresh();
  }

  #sayKey() {
    const wanted = this.settings.key_id;
    if (!this.#key) this.#tell("key", "No key. It is read by this page only and never sent.");
    else if (this.#keyFits()) this.#tell("key", `Key ${keyId(this.#key)}: the key of this model.`, "good");
    else this.#tell("key", `This is key ${keyId(this.#key)}, the model was trained with key ${wanted}. Open that key.`, "bad");
  }

  #keyFits() {
    return Boolean(this.#key) && (!this.settings.key_id || keyId(this.#key) === this.settings.key_id);
  }

  async #keepKey() {
    if (this.#key && this.parts["keep-key"].checked) localStorage.setItem(STORED_KEY, await keyText(this.#key));
    else localStorage.removeItem(STORED_KEY);
  }

  async #downloadKey() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${await keyText(this.#key)}\n`], { type: "text/plain" }));
    link.download = `${keyId(this.#key)}.key`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  async #usePicture(file) {
    this.#file = file;
    this.parts.clear.hidden = !file;
    this.#stopCamera();
    this.#tell("picture", "");
    await this.#refresh();
  }

  // Encrypt what is chosen with the key at hand, show both, and offer to send it.
  async #refresh() {
    const turn = ++this.#turn;
    this.#drop();
    if (!this.#file) return;
    if (!this.#key) return this.#tell("picture", "Now open your key to encrypt this picture.");
    try {
      const sealed = await this.#seal();
      if (turn !== this.#turn) return;
      this.#show(sealed);
    } catch (error) {
      if (turn === this.#turn) this.#tell("picture", error.message, "bad");
    }
  }

  async #seal() {
    const { cipher, size, fit, resample, format, quality, subsampling } = this.settings;
    const options = { ...cipher, size, fit, resample, format, quality, subsampling };
    const { bytes, type, plain, encrypted } = await encryptPicture(this.#file, this.#key, options);
    // What is shown is what will be sent, a lossy format included.
    const sent = format === "png" ? encrypted : ((await decodeCiphertext(bytes)).image ?? encrypted);
    return { bytes, type, plain, sent, url: await dataUrl(bytes, type) };
  }

  #show(sealed) {
    draw(this.parts.plain, sealed.plain);
    draw(this.parts.encrypted, sealed.sent);
    const kind = sealed.type.split("/")[1].toUpperCase();
    const original = this.#file.size.toLocaleString("en");
    this.parts.size.textContent =
      `What will be sent: ${sealed.bytes.length.toLocaleString("en")} bytes of ${kind} (your file: ${original})`;
    this.parts.views.hidden = false;
    this.#tell("picture", "");
    if (this.#keyFits()) {
      this.#sealed = sealed;
      this.parts.send.disabled = false;
    }
  }

  #drop() {
    this.#sealed = null;
    this.parts.send.disabled = true;
    this.parts.views.hidden = true;
    this.deliver(null);
  }

  #showExamples() {
    for (const url of this.settings.examples ?? []) {
      const button = document.createElement("button");
      const picture = document.createElement("img");
      button.type = "button";
      picture.src = url;
      picture.alt = `Example ${this.parts.examples.childElementCount + 1}`;
      button.append(picture);
      button.addEventListener("click", async () => this.#usePicture(await (await fetch(url)).blob()));
      this.parts.examples.append(button);
    }
  }

  async #startCamera() {
    try {
      this.parts.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      await this.parts.video.play();
      this.parts.video.hidden = this.parts.shoot.hidden = false;
    } catch {
      this.#tell("picture", "The camera cannot be used: allow it in the browser, or choose a file.", "bad");
    }
  }

  async #shoot() {
    const { video } = this.parts;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => this.#usePicture(blob), "image/png");
  }

  #stopCamera() {
    this.parts.video.srcObject?.getTracks().forEach((track) => track.stop());
    this.parts.video.srcObject = null;
    this.parts.video.hidden = this.parts.shoot.hidden = true;
  }

  #tell(what, text, tone = "") {
    const line = this.parts[`${what}-status`];
    line.textContent = text;
    line.dataset.tone = tone;
  }
}

function draw(canvas, image) {
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").putImageData(new ImageData(toRgba(image), image.width, image.height), 0, 0);
}

function dataUrl(bytes, type) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(new Blob([bytes], { type }));
  });
}
