// Keep the page when the connection to the server is lost. Gradio stops every event then, and loads the page anew as
// soon as the server is back: key and picture would be gone. Told that its event has failed, as any event can, it
// says so and goes on, and the visitor presses the button again.

const LOST =
  "The connection to the server was lost. Your key and picture are still in this page: press the button again in a moment.";

/** Stand between Gradio and its queue, from now on. */
export function keepPage() {
  if (!isKept) globalThis.fetch = new Queue(globalThis.fetch).fetch;
  isKept = true;
}

let isKept = false; // a page may have several inputs

class Queue {
  #waiting = new Set(); // ids of events without an answer

  constructor(original) {
    this.original = original.bind(globalThis);
  }

  fetch = (resource, options) => {
    const path = new URL(resource.url ?? resource, document.baseURI).pathname;
    if (path.endsWith("/gradio_api/queue/join")) return this.#join(resource, options);
    if (path.endsWith("/gradio_api/queue/data")) return this.#listen(resource, options);
    return this.original(resource, options);
  };

  /** An event is sent; one that never arrived is refused. */
  async #join(...request) {
    let response;
    try {
      response = await this.original(...request);
      if (response.ok) this.#waiting.add((await response.clone().json()).event_id);
    } catch {
      return new Response(JSON.stringify({ detail: LOST }), { status: 502 });
    }
    return response;
  }

  /** The stream of answers; where it breaks off, all that still wait get one. */
  async #listen(...request) {
    const signal = request[0].signal ?? request[1]?.signal;
    const answers = this.#answers(await this.original(...request).catch(() => null), signal);
    const encoder = new TextEncoder();
    const body = new ReadableStream({
      cancel: () => void answers.return(),
      async pull(controller) {
        const { done, value } = await answers.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(`${value}\n\n`));
      },
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }

  async *#answers(response, signal) {
    try {
      for await (const event of eventsOf(response)) {
        const { msg, event_id: id } = JSON.parse(event.replace(/^data: /, ""));
        if (msg === "unexpected_error" && !id) break; // the server ends, or began anew and does not know this page
        if (msg === "process_completed") this.#waiting.delete(id);
        yield event;
        if (msg === "close_stream") return;
      }
    } catch {
      if (signal?.aborted) return; // by Gradio itself
    }
    const output = { error: LOST, title: "Error", visible: true, duration: 10 };
    const failed = { msg: "process_completed", output, success: false };
    const ids = [...this.#waiting];
    this.#waiting.clear();
    for (const id of ids) yield `data: ${JSON.stringify({ ...failed, event_id: id })}`;
    yield `data: ${JSON.stringify({ msg: "close_stream" })}`;
  }
}

/** The server-sent events of a response, one text each. */
async function* eventsOf(response) {
  if (!response?.ok) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (text + value).split("\n\n");
    text = events.pop();
    yield* events;
  }
}
