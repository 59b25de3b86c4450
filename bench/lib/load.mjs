// Sends requests in a closed loop: each connection sends its next request after the previous response.

import { Pool } from "undici";

/**
 * Sends requests for some milliseconds over some connections.
 *
 * @param {string} url
 * @param {() => {method: string, path: string, headers?: object, body?: string}} next The next request.
 * @returns {Promise<number>} Responses per second. A status other than 200 is an error.
 */
export async function load(url, next, { connections, milliseconds }) {
  const pool = new Pool(url, { connections, pipelining: 1 });
  try {
    let answers = 0;
    const begin = performance.now();
    const end = begin + milliseconds;
    const connection = async () => {
      while (performance.now() < end) {
        await ask(pool, next());
        answers += 1;
      }
    };
    await Promise.all(Array.from({ length: connections }, connection));
    return (answers * 1000) / (performance.now() - begin);
  } finally {
    await pool.close();
  }
}

/** Sends one request on its own connection. */
export async function once(url, request) {
  const pool = new Pool(url, { connections: 1 });
  try {
    return await ask(pool, request);
  } finally {
    await pool.close();
  }
}

async function ask(pool, request) {
  const { statusCode, headers, body } = await pool.request(request);
  const text = await body.text();
  if (statusCode !== 200)
    throw new Error(`${request.method} ${request.path} answered ${statusCode}: ${text.slice(0, 500)}`);
  return { headers, text };
}
