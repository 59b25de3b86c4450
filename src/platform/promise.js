// A promise tells wasm how it was settled, by the number under which wasm waits for it.

export function watch(promise, number, settled) {
  promise.then(
    (value) => settled(number, value, true),
    (error) => settled(number, error, false),
  );
}
