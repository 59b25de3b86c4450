// Reads the body of a request. Nothing of it is in the memory of wasm, which never shrinks, before it has arrived whole.

/**
 * Returns at most `size` bytes of a body, or nothing if they do not arrive in time. Fails when the client breaks off.
 *
 * @param {ReadableStream<Uint8Array>} body
 */
export async function read(body, size, milliseconds) {
  const reader = body.getReader();
  let timer = null;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    return await Promise.race([arrived(reader, size), late]);
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}

// Into one buffer, because a client may send each byte as a chunk of its own.
async function arrived(reader, size) {
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes.set(value.subarray(0, size - length), length);
    length += value.length;
  }
  return bytes.subarray(0, length);
}
