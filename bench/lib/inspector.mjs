// A client of workerd's inspector: the part of the Chrome DevTools protocol that a profile needs.

import { Failure } from "../../scripts/lib/run.mjs";

export class Inspector {
  #socket;
  #waiting = new Map();
  #calls = 0;

  static async connect(address) {
    const inspector = new Inspector();
    const socket = new WebSocket(address);
    inspector.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { id, result, error } = JSON.parse(data);
      const waiting = inspector.#waiting.get(id);
      inspector.#waiting.delete(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    });
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () =>
        reject(new Failure("The inspector of workerd does not respond.", "Try again.")),
      );
    });
    return inspector;
  }

  call(method, params = {}) {
    const id = ++this.#calls;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  close() {
    this.#socket.close();
  }
}
