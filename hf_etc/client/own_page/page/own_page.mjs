// The page that hf-etc client serves on the owner's machine. It speaks to that server alone.

import { enterKey, followColors, promise, showClassifier, showProblem } from "./classifier.mjs";
import { readAbout, readSettings } from "./settings.mjs";

async function ask(path, options = {}) {
  const response = await fetch(path, options).catch(() => {
    throw new Error("hf-etc client has ended; start it again");
  });
  if (response.ok) return response;
  throw new Error((await response.json()).error);
}

async function start() {
  followColors();
  const { server, settings, about: model, file, key } = await (await ask("settings")).json();
  promise("Your browser encrypts the picture. This page and its scripts come from your own machine.");
  const about = { name: server, origin: "This machine passes the ciphertext on:", model: readAbout(model) };
  showClassifier(about, readSettings(settings, file, "Classify"), async (dataUrl) => {
    const { labels } = await (await ask("classify", { method: "POST", body: dataUrl })).json();
    return labels;
  });
  if (key) enterKey(await (await ask("key", { method: "POST" })).text());
}

start().catch((error) => {
  promise("");
  showProblem(error.message);
});
