// @ts-check
/* Ask the server to change something. */

const FAILED = "The server cannot be reached: nothing was changed. Try again.";

/**
 * Post something as JSON; gives what comes back. Whatever goes wrong, `error` says it in one sentence.
 * @param {string} address
 * @param {unknown} asked
 * @returns {Promise<Record<string, any> & { error?: string }>}
 */
export async function post(address, asked) {
  try {
    const headers = { "Content-Type": "application/json" };
    const reply = await fetch(address, { method: "POST", headers, body: JSON.stringify(asked) });
    return await reply.json();
  } catch {
    return { error: FAILED };
  }
}
