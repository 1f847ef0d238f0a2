// The key text in this browser's storage, and the word to other tabs that a key is to be forgotten.

const KEPT = "hf-etc-key";
const FORGET = "hf-etc-forget"; // written for its event alone

/** The text that an earlier visit kept, or null. */
export function keptKey() {
  return stored(() => localStorage.getItem(KEPT));
}

/** Keep a text for the next visit; null: keep none. */
export function keepKey(text) {
  stored(() => (text ? localStorage.setItem(KEPT, text) : localStorage.removeItem(KEPT)));
}

/** Remove what is kept, and tell the other tabs of this site. */
export function forgetKey() {
  keepKey(null);
  stored(() => {
    localStorage.setItem(FORGET, crypto.randomUUID());
    localStorage.removeItem(FORGET);
  });
}

/** Listen to other tabs. `forgotten`: the key is to be forgotten here, too; `removed`: none is kept any longer. */
export function onOtherTabs({ forgotten, removed }) {
  addEventListener("storage", ({ key, newValue }) => {
    if (key === FORGET && newValue !== null) forgotten();
    else if ((key === KEPT || key === null) && newValue === null) removed();
  });
}

/** What `work` gives, or null where browsers deny the storage, as to frames of another site. */
function stored(work) {
  try {
    return work();
  } catch {
    return null;
  }
}
