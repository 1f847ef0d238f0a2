// The part of the page that opens a key, judges the page's settings by it, keeps and forgets it.

import { checkConfiguration, takesAnyKey } from "./configuration.mjs";
import { onDrop, onFile, save } from "./dom.mjs";
import { EtcError, KeyMismatchError } from "./errors.mjs";
import { forgetKey, keepKey, keptKey, onOtherTabs } from "./kept_key.mjs";
import { generateKey, isSalt, keyFromPassphrase, keyId, keyText, parseKey } from "./keys.mjs";

const KEY_FILE_BYTES = 4096;
const ID_DIGITS = 8; // shown of the model's id; all of them are compared

export class KeyCard {
  #key = null; // the only place that holds it
  #judgement = null; // of the settings: refusal, why nothing may be sent with them, and their weaknesses
  #salt = null; // of a key file that needs its passphrase
  #isNew = false;
  #turn = 0; // of the key being read: one that takes long must not come after a later one, or after forgetting
  #changed;

  /**
   * @param {object} parts elements by data-id.
   * @param {object} settings cipher, cipher_id, size, fit, resample, hosted; what the page says, which nobody trusts.
   * @param {() => Promise<void>} changed called when the key, or what it permits, is another.
   */
  constructor(parts, settings, changed) {
    Object.assign(this, { parts, settings, anyKey: takesAnyKey(settings) });
    this.#changed = changed;
  }

  /** The user wants a key for each picture that is thrown away; only where the model takes any key. */
  get isDisposable() {
    return this.parts.disposable.checked;
  }

  /** The key to encrypt with, or null. */
  get key() {
    return this.isDisposable ? null : this.#key;
  }

  /** The cipher to encrypt with. */
  get cipher() {
    const { cipher } = this.settings;
    return this.anyKey ? { ...cipher, disposable: this.isDisposable } : cipher;
  }

  /** A picture can be encrypted, if only to show it. */
  get isReady() {
    return this.isDisposable || this.#key !== null;
  }

  /** The settings are for this key, and strong or allowed: what is encrypted may be sent. */
  get permits() {
    return this.isReady && this.#judgement !== null && this.#judgement.refusal === null;
  }

  /** The owner allows weak settings, since this page was loaded. */
  get allowsWeak() {
    return this.parts["allow-weak"].checked;
  }

  start() {
    const { parts } = this;
    parts["allow-weak"].checked = parts["keep-key"].checked = false; // whatever the browser restored
    this.#choose(this.anyKey ? "disposable" : "own");
    parts.choice.hidden = !this.anyKey;
    parts.hosted.hidden = this.settings.hosted !== true;
    onFile(parts["key-file"], (file) => this.#readFile(file));
    onDrop(parts["key-card"], (file) => this.#readFile(file));
    parts["key-text"].addEventListener("change", () => this.#readEntry());
    parts["key-text"].addEventListener("paste", () => setTimeout(() => this.#readEntry()));
    parts["new-key"].addEventListener("click", () => this.#take(makeNew));
    parts["save-key"].addEventListener("click", () => this.#download());
    parts["forget-key"].addEventListener("click", () => {
      this.#forget();
      forgetKey();
      parts["key-file"].focus(); // the button is about to disappear
    });
    parts["keep-key"].addEventListener("change", () => this.#keep());
    parts["allow-weak"].addEventListener("change", () => this.#judgeAgain());
    for (const name of ["disposable", "own"]) {
      parts[name].addEventListener("change", () => {
        this.#choose(name);
        this.#judgeAgain();
      });
    }
    onOtherTabs({ forgotten: () => this.#forget(), removed: () => (parts["keep-key"].checked = false) });
    this.#say();
  }

  /** Open the key that an earlier visit kept, if one did; else see whether the model needs none. */
  async openKept() {
    const kept = keptKey();
    if (!kept) return this.#judgeAgain();
    this.parts["keep-key"].checked = true;
    this.#choose("own");
    await this.#take(() => read(kept));
  }

  /** Show a line about the key. */
  tell(text, tone = "") {
    this.parts["key-status"].textContent = text;
    this.parts["key-status"].dataset.tone = tone;
  }

  #readFile(file) {
    this.#choose("own");
    return this.#take(async () => read(await file.slice(0, KEY_FILE_BYTES).text()));
  }

  #readEntry() {
    const text = this.parts["key-text"].value;
    const salt = this.#salt;
    this.parts["key-text"].value = "";
    if (!text) return;
    this.#choose("own");
    if (salt) this.#take(async () => ({ key: await keyFromPassphrase(text, salt) }), salt);
    else this.#take(() => read(text));
  }

  #choose(name) {
    for (const one of ["disposable", "own"]) this.parts[one].checked = one === name;
  }

  async #judgeAgain() {
    const opened = { key: this.#key, salt: this.#salt, isNew: this.#isNew };
    await this.#take(() => opened);
  }

  /**
   * Take the key that `open` resolves to. One that cannot be read leaves none: what is sent is never encrypted with
   * an earlier one by mistake. `salt`: what a passphrase can be tried with again.
   */
  async #take(open, salt = null) {
    const turn = ++this.#turn;
    this.#set({ salt });
    if (salt) this.tell("Making the key from your passphrase …");
    let [opened, problem] = [{ salt }, null];
    try {
      opened = await open();
      if (opened.key || this.isDisposable) opened = { ...opened, judgement: await this.#judge(opened.key ?? null) };
    } catch (error) {
      problem = error.message;
    }
    if (turn !== this.#turn) return;
    this.#set(opened);
    await this.#keep();
    this.#say();
    if (problem) this.tell(problem, "bad");
    await this.#changed();
  }

  #set({ key = null, judgement = null, salt = null, isNew = false }) {
    [this.#key, this.#judgement, this.#salt, this.#isNew] = [key, judgement, salt, isNew];
    if (!judgement) this.#changed(); // at once: the ciphertext under an earlier key is no longer on offer
  }

  async #judge(key) {
    const configuration = { ...this.settings, cipher: this.cipher };
    try {
      const used = this.isDisposable ? null : key;
      const { weaknesses } = await checkConfiguration(used, configuration, { allowWeak: this.allowsWeak });
      return { refusal: null, weaknesses };
    } catch (error) {
      if (!(error instanceof EtcError)) throw error;
      return { refusal: error, weaknesses: error.weaknesses ?? [] };
    }
  }

  #forget() {
    const { parts } = this;
    this.#turn++;
    parts["keep-key"].checked = parts["allow-weak"].checked = false;
    parts["key-text"].value = parts["key-file"].value = "";
    this.#set({});
    this.#judgeAgain();
  }

  async #keep() {
    keepKey(this.#key && this.parts["keep-key"].checked ? await keyText(this.#key) : null);
  }

  async #download() {
    save(`${await keyText(this.#key)}\n`, `${keyId(this.#key)}.key`);
  }

  #say() {
    const { parts } = this;
    parts["save-key"].hidden = parts["forget-key"].hidden = !this.#key;
    parts["key-entry"].hidden = parts["new-key"].hidden = this.permits;
    parts["key-label"].textContent = this.#salt ? "Passphrase of this key file" : "Paste the key";
    parts["key-text"].placeholder = this.#salt ? "" : "hfetc2-…";
    parts["own-key"].hidden = this.isDisposable;
    parts.weak.hidden = !this.#judgement?.weaknesses.length;
    const whose = this.anyKey ? "I accept" : "These settings are mine, and I accept";
    parts["weak-label"].textContent = `${whose} that pictures are hardly protected`;
    this.tell(...(this.anyKey ? this.#statusOfAnyKey() : this.#status()));
  }

  /** What is to be said where any key will do: text and tone. */
  #statusOfAnyKey() {
    const weak = this.#judgement?.weaknesses.join("; ");
    if (this.#salt && !this.isDisposable) return ["This key file needs its passphrase."];
    if (!this.isReady) return ["This model works with any key: open yours, or make a new one. Only this page reads it."];
    if (this.permits && weak) return [`You allow the model's weak settings: ${weak}.`, "bad"];
    if (this.permits) return [`✓ ${this.#advice()}`, "good"];
    if (weak) return [`The model's settings are weak: ${weak}. Nothing is sent.`, "bad"];
    return this.#judgement ? this.#unusable() : [""];
  }

  #advice() {
    if (this.isDisposable) {
      return (
        "The picture is encrypted under a key that exists only for this picture and is kept nowhere: nobody can " +
        "decrypt it, not even you."
      );
    }
    const keep = this.#isNew ? `New key ${keyId(this.#key)}: download it` : "This model works with any key: keep yours";
    return `${keep} if you want to decrypt later, or use a disposable one.`;
  }

  #unusable() {
    return [`This page asks for a cipher that cannot be used: ${this.#judgement.refusal.message}. Nothing is sent.`, "bad"];
  }

  /** What is to be said where the model has its key: text and tone. */
  #status() {
    const [model, weak] = [shortId(this.settings.cipher_id), this.#judgement?.weaknesses.join("; ")];
    if (this.#salt) return ["This key file needs its passphrase."];
    if (!this.#key) return [`Open the model's key (model ${model}). Only this page reads it; it is never sent.`];
    if (this.permits && !weak) return [`✓ ${model}: the model's key`, "good"];
    if (this.permits) return [`${model}: the model's key. You allow its weak settings: ${weak}.`, "bad"];
    if (weak) return [`${model}: the model's key, but its settings are weak: ${weak}. Nothing is sent.`, "bad"];
    if (!(this.#judgement.refusal instanceof KeyMismatchError)) return this.#unusable();
    if (this.#isNew) {
      const advice = "download it, to encrypt data and train with it. The model here was trained with another key.";
      return [`New key ${keyId(this.#key)}: ${advice}`, "bad"];
    }
    const why = "This key does not belong to the model, or this page asks for another cipher than its owner does";
    return [`${why}. Nothing is sent. Open the model's key; if this is it, do not trust this page.`, "bad"];
  }
}

async function makeNew() {
  return { key: await generateKey(), isNew: true };
}

/** The key of a text; a salt stands for a key that needs its passphrase. */
async function read(text) {
  return isSalt(text) ? { salt: text } : { key: await parseKey(text) };
}

function shortId(id) {
  return /^[0-9a-f]{32}$/.test(id) ? `${id.slice(0, ID_DIGITS)}…` : "without a valid id";
}
