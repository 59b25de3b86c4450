// Sends responses.

/** What answers have in common: a status, and headers that are always the same. */
export class Pattern {
  #response;
  #requestId;

  /** @param {string} requestId The name of the header that has the id of the request. */
  constructor(status, requestId) {
    // A new response copies status and headers from an existing one. From a plain object the runtime would read each field.
    this.#response = new Response(null, { status });
    this.#requestId = requestId;
  }

  append(name, value) {
    this.#response.headers.append(name, value);
  }

  /**
   * Sends an answer and writes the line of the log about it.
   *
   * @param {(answer: Response) => void} resolve
   * @param {string} text The id of the request, the line and the body. They come as one text, because each that comes from
   *   the memory of wasm costs a call of the runtime's decoder.
   * @param {string[]} [own] Names and values of the headers that only this answer has.
   */
  send(resolve, text, idLength, lineLength, own) {
    const bodyAt = idLength + lineLength;
    // Every response sets this header, so the value of the previous one is never sent again. Headers that only some responses have
    // must not be set here.
    this.#response.headers.set(this.#requestId, text.slice(0, idLength));
    // The runtime rejects a body, even an empty one, if the status allows none.
    const answer = new Response(text.length > bodyAt ? text.slice(bodyAt) : null, this.#response);
    if (own) for (let at = 0; at < own.length; at += 2) answer.headers.append(own[at], own[at + 1]);
    console.log(text.slice(idLength, bodyAt));
    resolve(answer);
  }
}
