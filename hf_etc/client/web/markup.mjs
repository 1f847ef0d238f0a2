// What encrypted_image.mjs shows. Its parts are found by their data-id.

export const MARKUP = `
  <fieldset data-id="key-card">
    <legend>The key</legend>
    <p data-id="hosted" class="he-quiet" hidden>This page's code comes from this server, so whoever runs the
      server could change it to read your key and pictures; your own page, <code>hf-etc client</code>, is not in their
      hands.</p>
    <div data-id="choice" class="he-choice" role="radiogroup" aria-label="Which key" hidden>
      <label class="he-check"><input type="radio" data-id="disposable" autocomplete="off">
        A disposable key: nothing to open, nothing to keep</label>
      <label class="he-check"><input type="radio" data-id="own" autocomplete="off">
        A key of my own: I can decrypt later</label>
    </div>
    <p data-id="key-status" class="he-status" role="status"></p>
    <label class="he-check" data-id="weak" hidden>
      <input type="checkbox" data-id="allow-weak" autocomplete="off">
      <span data-id="weak-label"></span></label>
    <div data-id="own-key" class="he-own">
      <label class="he-text" data-id="key-entry"><span data-id="key-label"></span>
        <input type="password" data-id="key-text" autocomplete="off" spellcheck="false"></label>
      <div class="he-row">
        <label class="he-button">Open key file<input type="file" data-id="key-file" class="he-hidden"></label>
        <button type="button" data-id="new-key">Make a new key</button>
        <button type="button" data-id="save-key" hidden>Download key</button>
        <button type="button" data-id="forget-key" hidden>Forget key</button>
      </div>
      <label class="he-check"><input type="checkbox" data-id="keep-key" autocomplete="off">
        Keep the key in this browser for the next visit</label>
    </div>
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
        <figcaption>The original stays in this page</figcaption>
      </figure>
      <span class="he-arrow" aria-hidden="true">→</span>
      <figure>
        <div class="he-tile">
          <canvas data-id="encrypted" role="img" aria-label="The ciphertext" hidden></canvas>
          <span data-id="encrypted-hint">The ciphertext will appear here</span>
        </div>
        <figcaption><span data-id="size">What will be sent</span><span data-id="blocks"></span></figcaption>
      </figure>
    </div>
    <p data-id="share" class="he-share" hidden></p>
    <div class="he-row">
      <button type="button" data-id="camera">Use the camera</button>
      <button type="button" data-id="shoot" hidden>Take the picture</button>
      <button type="button" data-id="stop-camera" hidden>Leave the camera</button>
      <button type="button" data-id="clear" hidden>Remove picture</button>
    </div>
    <label class="he-text" data-id="window-entry" hidden>
      <span>Which values of a 16-bit picture are black and white: such as 0:4095, 40/400 (center/width), or full</span>
      <input type="text" data-id="window" autocomplete="off" spellcheck="false"></label>
    <div class="he-examples" data-id="examples" hidden><span>Or try one of these:</span></div>
  </fieldset>
  <div class="he-working">
    <p data-id="picture-status" class="he-status" role="status"></p>
    <progress data-id="progress" aria-label="Working on the picture" hidden></progress>
  </div>
  <button type="button" class="he-send" data-id="send" disabled></button>`;
