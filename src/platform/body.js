// Reads the body of a request or a response. It is in WebAssembly memory, which never shrinks, only when it has arrived completely.

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

// Into one buffer, because a client can send each byte as its own chunk.
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
