// @ts-check
/* Numbers as a person reads them. */

/**
 * 72.4 → "1:12", 3672 → "1:01:12".
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/**
 * 1, "file" → "1 file"; 1200 → "1,200 utterances"; 2, "strong match", "es" → "2 strong matches".
 * @param {number} number
 * @param {string} noun
 * @param {string} plural what it ends with where there are several
 */
export const count = (number, noun = "utterance", plural = "s") =>
  `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : plural}`;
