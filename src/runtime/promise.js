// Reports to WebAssembly how a promise settled, under the number by which WebAssembly waits for it.

export function watch(promise, number, settled) {
  promise.then(
    (value) => settled(number, value, true),
    (error) => settled(number, error, false),
  );
}
