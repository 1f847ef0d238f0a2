// The page that is one HTML file: it asks the classifier itself, or encrypts without one and saves the ciphertext.

import { onFile } from "../../web/dom.mjs";
import { followColors, promise, showClassifier, showProblem } from "./classifier.mjs";
import { addressOf, classify, fetchAbout, fetchSettings } from "./gradio.mjs";
import { readAbout, readSettings } from "./settings.mjs";

const MAX_FILE = 2 ** 16; // bytes
const ORIGIN = "All code of the page is in the file that you opened: compare its SHA-256 with the published one.";

let latest = null; // what was asked or opened last

const part = (id) => document.getElementById(id);

function tell(text) {
  part("connect-status").textContent = text;
}

/** Show what `open` finds, and one line if it finds nothing usable. */
async function connect(open) {
  latest = open;
  showProblem(null);
  part("work").hidden = part("about").hidden = part("mode").hidden = true; // of the classifier before
  try {
    await open();
  } catch (error) {
    tell("");
    showProblem(error.message);
  }
}

async function ask() {
  const address = addressOf(part("address").value);
  tell("Asking for the settings …");
  const saved = await fetchSettings(address).catch((error) => {
    throw new Error(`${address}: ${error.message}. To encrypt without it, open a settings file.`);
  });
  const settings = readSettings(saved, chosenFile(), "Classify");
  const model = readAbout(await fetchAbout(address));
  showClassifier({ name: address, origin: ORIGIN, model }, settings, (dataUrl) => classify(address, dataUrl));
  tell(`Connected to ${address}.`);
}

async function readFile(file) {
  if (file.size > MAX_FILE) throw new Error("this is no settings file: it is too large");
  const text = await file.text();
  const settings = readSettings(parsed(text), chosenFile(), "Save the ciphertext");
  showClassifier({ name: "Ciphertexts are saved as files", origin: ORIGIN, model: null }, settings, null);
  tell("Settings read from the file: nothing will be sent.");
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function chosenFile() {
  return { format: part("format").value };
}

function start() {
  followColors();
  promise("This page encrypts the picture. The server gets the ciphertext, and classifies that.");
  part("connect").addEventListener("submit", (event) => {
    event.preventDefault();
    connect(ask);
  });
  part("format").addEventListener("change", () => latest && connect(latest));
  onFile(part("settings-file"), (file) => connect(() => readFile(file)));
}

if (globalThis.document) start(); // its worker runs the same script
