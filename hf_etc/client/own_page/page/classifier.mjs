// What both pages show for one classifier: the picture input, the labels, and who sees what.
//
// Whatever comes from the classifier is shown as text: nothing here makes HTML, addresses or styles of it.

import { gridOf, outputSize } from "../../web/etc.mjs";
import { mount } from "../../web/encrypted_image.mjs";
import { idOf } from "./settings.mjs";

const KEPT_KEY = "hf-etc-key"; // where the input keeps a key if the user wants it
const LIMITS = {
  dataset:
    "this model uses one key for all images, so whoever collects a handful of ciphertexts made with it, or has one " +
    "picture in plain and encrypted form, can recover the key and see every picture.",
  image:
    "every image is scrambled in its own way, but the pieces of a single photograph can be put together again like " +
    "a jigsaw puzzle, mostly or in part.",
  gap:
    "every image is scrambled in its own way, and the pixels between its blocks never leave this page: the wider the " +
    "gap, the fewer blocks can be put beside their neighbours. Whoever sees them still sees each block, and who has " +
    "the picture can tell that it was sent.",
};

const MODES = {
  dataset: "All pictures have one key: from a handful of ciphertexts, all of them can be decrypted.",
  image: "Each picture is scrambled in its own way, but its pieces can be put together again, mostly or in part.",
  gap: "Each picture is scrambled in its own way, and only some of its pixels are sent. Those can be seen.",
};
const LISTED = 20; // classes that are named in a line; a longer list is to be opened

const part = (id) => document.getElementById(id);

/** Follow the browser's choice of light or dark, in the input, too. */
export function followColors() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", follow);
  follow();
}

/** Say what the page is, below its title. */
export function promise(text) {
  part("promise").textContent = text;
}

/** One line about what went wrong, or null to take it away. */
export function showProblem(text) {
  part("problem").textContent = text ?? "";
  part("problem").hidden = !text;
}

/**
 * Show the picture input for a classifier, in place of an earlier one.
 *
 * @param {{name: string, origin: string, model: object | null}} about who gets the ciphertexts, and where the page
 *   comes from, in words; the model, from readAbout().
 * @param {object} settings for mount(), from readSettings().
 * @param {((dataUrl: string) => Promise<{label: string, score: number}[]>) | null} classify null: ciphertexts are
 *   saved, not sent.
 */
export function showClassifier(about, settings, classify) {
  stored(() => localStorage.removeItem(KEPT_KEY));
  const answer = new Answer(classify);
  const root = part("input").cloneNode(false); // without what an earlier classifier listens to
  part("input").replaceWith(root);
  mount(root, settings, (dataUrl) => (dataUrl === null ? answer.withdraw() : answer.take(dataUrl)));
  // This page's storage is shared with whatever else this machine serves or opens from files.
  root.querySelector("[data-id=keep-key]")?.closest("label").remove();
  answer.withdraw();
  explain(about, settings, classify !== null);
  part("work").hidden = part("about").hidden = part("mode").hidden = false;
}

/** Give the input a key as if its user had entered it. */
export function enterKey(text) {
  const entry = document.querySelector("[data-id=key-text]");
  entry.value = text;
  entry.dispatchEvent(new Event("change"));
}

/** Labels of the latest ciphertext; one that comes late is not shown beside another picture. */
class Answer {
  #turn = 0;
  #dataUrl = null;

  constructor(classify) {
    this.classify = classify;
    part("answer-title").textContent = classify ? "What the model says" : "The ciphertext";
    part("save").onclick = () => saveCiphertext(this.#dataUrl);
  }

  withdraw() {
    this.#turn++;
    this.#show("Nothing yet.");
  }

  async take(dataUrl) {
    const turn = ++this.#turn;
    this.#dataUrl = dataUrl;
    if (!this.classify) {
      saveCiphertext(dataUrl);
      return this.#show("The ciphertext is saved. It is all that whoever runs the model needs.");
    }
    this.#show("Asking …");
    try {
      const labels = await this.classify(dataUrl);
      if (turn === this.#turn) this.#show("Its answer to this ciphertext:", labels);
    } catch (error) {
      if (turn === this.#turn) this.#show(`No answer: ${error.message}`, [], true);
    }
  }

  #show(status, labels = [], offersFile = false) {
    part("answer-status").textContent = status;
    part("labels").replaceChildren(...labels.map(lineOf));
    part("save").hidden = !offersFile;
  }
}

function lineOf({ label, score }) {
  const [line, name, share, bar] = ["li", "b", "span", "i"].map((tag) => document.createElement(tag));
  name.textContent = label;
  share.textContent = `${(100 * score).toFixed(1)} %`;
  bar.style.setProperty("--share", `${100 * score}%`);
  line.append(name, share, bar);
  return line;
}

function explain({ name, origin, model }, settings, sends) {
  const { cipher, size } = settings;
  const mode = cipher.gap ? "gap" : cipher.key_scope;
  part("mode").textContent = MODES[mode];
  const [sent, id] = [outputSize(cipher, ...size), idOf(settings)];
  const receiver = sends ? `${name} gets the scrambled image beside your picture, and nothing else.` : `${name}.`;
  part("who").textContent = `Your picture and its key stay on this machine. ${origin} ${receiver}`;
  part("limits").textContent =
    "That hides a picture from a glance. It is perceptual encryption, without proof of security: " +
    `${LIMITS[mode]} Texture, and with it some detail, survives inside of every ` +
    "block. Do not let this be the only protection of a picture that could hurt someone.";
  const left = sent.join() === size.join() ? "" : ` of ${size.join("×")}`;
  const geometry = `${sent.join("×")}${left} pixels in blocks of ${cipher.block_size ?? gridOf(cipher)}`;
  const facts = [id ? `Model ${id}` : "Any key", `cipher ${cipher.cipher}`, geometry, `key per ${cipher.key_scope}`];
  part("facts").textContent = facts.join(" · ");
  describe(model);
}

/** The model's name, card and classes: somebody else's texts, and a link to the Hub alone. */
function describe(model) {
  const { name, hubId, classes, count } = model ?? {};
  const [line, list] = [part("model"), part("classes")];
  const isLong = classes?.length > LISTED;
  line.textContent = model ? `The server says: model ${name}, ${count} classes` : "";
  if (model && !isLong) line.append(`: ${classes.join(", ")}`);
  if (hubId) line.append(" · ", cardOf(hubId));
  list.hidden = !isLong;
  list.firstElementChild.textContent = isLong ? `The first ${classes.length} classes` : "";
  list.lastElementChild.textContent = isLong ? classes.join(", ") : "";
}

function cardOf(hubId) {
  const link = document.createElement("a");
  Object.assign(link, { href: `https://huggingface.co/${hubId}`, target: "_blank", rel: "noopener noreferrer" });
  link.textContent = "model card";
  return link;
}

function saveCiphertext(dataUrl) {
  const link = document.createElement("a");
  link.href = dataUrl;
  link.download = `ciphertext.${dataUrl.startsWith("data:image/jpeg") ? "jpg" : "png"}`;
  link.click();
}

function stored(work) {
  try {
    work();
  } catch {
    // A page without storage keeps nothing, which is what is wanted.
  }
}
