// @ts-check
/* Sound as a file. */

/**
 * A WAV file of one channel.
 * @param {Int16Array<ArrayBuffer>} samples
 * @param {number} rate in Hz
 */
export const wav = (samples, rate) => new Blob([header(samples.length, rate), samples], { type: "audio/wav" });

/**
 * The first 44 bytes of such a file.
 * @param {number} length in samples
 * @param {number} rate in Hz
 */
export function header(length, rate) {
  const view = new DataView(new ArrayBuffer(44));
  const text = (/** @type {number} */ at, /** @type {string} */ word) => {
    for (let n = 0; n < word.length; n++) view.setUint8(at + n, word.charCodeAt(n));
  };
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the format: PCM, one channel
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * length, true);
  return view;
}
