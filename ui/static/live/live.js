// @ts-check
/* The Live tab: microphone, connection (see ui/live/protocol.py), and what is told about both. */

import { keep } from "../common/address.js";
import { closest, part } from "../common/dom.js";
import { clock } from "../common/format.js";
import { audio, stop as stopPlaying } from "../common/player.js";
import { utterances } from "./utterances.js";

const TAPE = 60; // seconds of sound that can still be cut out
const EARLY = 5; // seconds that wait for the connection
const STALLED = 5; // seconds that are not sent though they should be
const LATE = 1; // seconds from which a delay is shown
const PATIENCE = 60; // seconds in which a lost connection may come back
const QUIET = 8; // seconds without speech that are worth a word
const AWAITED = 5; // seconds within which there must be sound
const SILENT = 0.25; // level below which it is silent
const SAMPLE_RATE = 16_000; // what the server wants; where the browser cannot, any other

/** @type {Record<string, string>} */
const REFUSALS = {
  NotAllowedError: "The microphone is blocked: allow it for this page in the browser's settings, then start again.",
  NotFoundError: "There is no microphone: plug one in, then start again.",
  NotReadableError: "The microphone is in use: close the program that uses it, then start again.",
};
const UNSAFE = "Browsers allow the microphone on secure pages only: open this one with https, or as localhost.";
const NO_SOUND =
  "No sound comes from the microphone: check that it is connected (and a loudspeaker, too, which some browsers need).";
const UNREACHED =
  "The server cannot be reached. A proxy in front must let WebSockets through: headers Upgrade, Connection and Host.";

/** @typedef {{ library: string, token: string, categories: string[], languages: string[] }} Wish */
/** @typedef {{ at: number, samples: Int16Array<ArrayBuffer> }} Piece of sound, and its first sample */
/**
 * A connection: what it was asked for, whether it is to come to an end, its first sample, how many samples were sent and
 * how many the server has received, and by how many seconds its answers are late.
 * @typedef {{
 *   socket: WebSocket, asked: Wish, id: number, ready: boolean, left: boolean, first: number, sent: number,
 *   received: number, late: number
 * }} Link
 */
/**
 * What there is while the page listens: microphone, sound (in samples, all of it and what waits to be sent), connection;
 * for how many seconds there was no speech, and how loud it was meanwhile; what is wrong and what would help; since when
 * the connection is lost, how often it was tried, and whether there ever was one.
 * @typedef {{
 *   before: number, stream: MediaStream, track: MediaStreamTrack, context: AudioContext, rate: number, total: number,
 *   tape: Piece[], waiting: Piece[], link: Link, unvoiced: number, loudest: number, problem: string, hint: string,
 *   returned: string, lost: number, tries: number, reached: boolean, retry: number
 * }} Run
 */
/**
 * A frame of the server.
 * @typedef {{
 *   status?: string, left?: number | null, received_s?: number, voiced?: boolean,
 *   utterance?: import("./utterances.js").Utterance
 * }} Frame
 */

/**
 * The height of a level meter, from 0 to 1, over 60 dB.
 * @param {number} peak
 */
const level = (peak) => Math.min(1, Math.max(0, 1 + Math.log10(Math.max(peak, 1e-4)) / 3));

/**
 * Keep in the address what is searched.
 * @param {string} library
 * @param {string} category
 * @param {string} language
 */
export const keepFilters = (library, category, language) =>
  keep({ library: library === "demo" ? "" : library, category, language }, "live");

/** @param {Component} component */
export function mount({ element, props, watch }) {
  const box = (/** @type {string} */ selector) => part(element, selector);
  const list = utterances(element);
  const title = document.title;

  /** @type {Run | null} */
  let run = null; // while it listens
  let asking = false; // for the microphone
  let began = new Date();
  let before = 0; // seconds of earlier runs
  let connections = 0;
  /** @type {number | null} */
  let left = null; // seconds that may still be spoken
  let away = 0; // when the tab was hidden

  /** @returns {Wish} */
  function wish() {
    const [library = "demo", category = "", language = "", token = ""] = props.value ? JSON.parse(props.value) : [];
    const one = (/** @type {string} */ name) => (name ? [name] : []);
    return { library, token: token || "", categories: one(category), languages: one(language) };
  }

  // ---- what is shown ------------------------------------------------------------------------------------------

  /**
   * @param {HTMLElement} box
   * @param {string} text
   */
  function write(box, text) {
    if (box.textContent !== text) box.textContent = text;
  }

  /** @param {string} sentence */
  function say(sentence, alarm = false) {
    write(box(".live-state"), sentence);
    box(".live-state").classList.toggle("alarm", alarm);
  }

  /** @param {"idle" | "asking" | "listening"} state */
  function dress(state) {
    box(".live").dataset.state = state;
    box(".live-button span").textContent = { idle: "Start listening", asking: "Asking…", listening: "Stop" }[state];
    name();
    light(false);
  }

  /** The title of the page tells of a microphone that is on. */
  function name() {
    document.title = run && document.hidden ? `● Listening: ${title}` : title;
  }

  /** @param {boolean} voiced */
  function light(voiced) {
    box(".live-light").dataset.voiced = String(voiced);
    write(box(".live-light span"), !run ? "Off" : voiced ? "Speech" : "Waiting");
  }

  /** One sentence for the state of things, the most urgent one. */
  function describe() {
    if (!run) return;
    const { link, rate, problem, track, hint, returned } = run;
    if (!link.ready) return say(problem || "Connecting…", Boolean(problem));
    const late = Math.max(link.late, (link.sent - link.received) / rate);
    if (late > LATE) return say(`The server is busy: results are ${Math.round(late)} s late.`, true);
    if (!audio.paused) return say("Paused while something plays.");
    if (track.muted) return say("The microphone is muted: unmute it, or choose another one.", true);
    say(hint || returned || "Listening: say something.");
  }

  function elapsed() {
    const seconds = before + (run ? run.total / run.rate : 0);
    const limit = left === null || !run ? "" : ` of ${clock(before + run.link.first / run.rate + left)}`;
    write(box(".live-time"), clock(seconds) + limit);
  }

  // ---- microphone ---------------------------------------------------------------------------------------------

  async function start() {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode)
      return say(UNSAFE, true);
    asking = true;
    dress("asking");
    say("Your browser is asking whether this page may use the microphone.");
    try {
      stopPlaying();
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
      await listen(stream);
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      dress("idle");
      say(REFUSALS[name] ?? `The microphone cannot be used: ${message}.`, true);
    } finally {
      asking = false;
    }
  }

  /** @param {MediaStream} stream */
  async function listen(stream) {
    let context = new AudioContext({ sampleRate: SAMPLE_RATE });
    let source;
    try {
      source = context.createMediaStreamSource(stream);
    } catch {
      await context.close(); // this browser does not resample
      context = new AudioContext();
      source = context.createMediaStreamSource(stream);
    }
    try {
      await context.audioWorklet.addModule(new URL("microphone.js", import.meta.url));
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      throw error;
    }
    const [track] = stream.getAudioTracks();
    const rate = context.sampleRate;
    /** @type {Run} */
    const own = {
      before,
      stream,
      track,
      context,
      rate,
      total: 0,
      tape: [],
      waiting: [],
      link: connection(),
      unvoiced: 0,
      loudest: 0,
      problem: "",
      hint: "",
      returned: "",
      lost: 0,
      tries: 0,
      reached: false,
      retry: 0,
    };
    track.onended = () => run === own && stop("The microphone was unplugged: plug it in, then start again.", true);
    if (!before) began = new Date();
    run = own;
    follow(own);
    dress("listening");
    const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => run === own && hear(own, data.samples, data.peak);
    source.connect(node);
    describe();
    setTimeout(() => run === own && !own.total && stop(NO_SOUND, true), 1000 * AWAITED);
    context.resume().catch(({ message }) => run === own && stop(`The microphone cannot be used: ${message}.`, true));
  }

  /**
   * @param {Run} own
   * @param {Int16Array<ArrayBuffer>} samples
   * @param {number} peak
   */
  function hear(own, samples, peak) {
    if (!audio.paused) samples.fill(0); // a hit that is played is not spoken by anybody here
    const piece = { at: own.total, samples };
    own.total += samples.length;
    own.tape.push(piece);
    while (own.tape[0].at < own.total - TAPE * own.rate) own.tape.shift();
    pass(own, piece);
    box(".live-level").style.setProperty("--level", String(level(peak)));
    own.unvoiced += samples.length / own.rate;
    own.loudest = Math.max(own.loudest, level(peak));
    if (own.unvoiced > QUIET) {
      own.hint =
        own.loudest < SILENT
          ? "It is very quiet: speak up, or check that the right microphone is on."
          : "There is only background noise: speak closer to the microphone.";
      own.unvoiced = own.loudest = 0;
    }
    elapsed();
    describe();
  }

  /**
   * The sound from one sample to another.
   * @param {Run} own
   * @param {number} from
   * @param {number} to
   */
  function cut({ tape }, from, to) {
    const parts = tape
      .filter(({ at, samples }) => at < to && at + samples.length > from)
      .map(({ at, samples }) => samples.subarray(Math.max(0, from - at), Math.max(0, to - at)));
    const whole = new Int16Array(parts.reduce((length, one) => length + one.length, 0));
    let at = 0;
    for (const one of parts) {
      whole.set(one, at);
      at += one.length;
    }
    return whole;
  }

  function stop(sentence = "", alarm = false) {
    if (!run) return;
    const { stream, context, total, rate, retry, link } = run;
    for (const track of stream.getTracks()) track.stop();
    context.close();
    before += total / rate;
    run = null;
    clearTimeout(retry);
    leave(link);
    box(".live-level").style.setProperty("--level", "0");
    dress("idle");
    elapsed();
    say(sentence, alarm);
  }

  // ---- connection ---------------------------------------------------------------------------------------------

  /** @returns {Link} */
  function connection() {
    const address = new URL("live", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    const id = ++connections;
    return { socket, asked: wish(), id, ready: false, left: false, first: 0, sent: 0, received: 0, late: 0 };
  }

  /**
   * Follow what comes over the connection of a run.
   * @param {Run} own
   */
  function follow(own) {
    const { link } = own;
    link.socket.onopen = () => {
      own.reached = true;
      link.socket.send(JSON.stringify({ rate: own.rate, ...link.asked }));
    };
    link.socket.onmessage = ({ data }) => receive(own, link, JSON.parse(data));
    link.socket.onclose = ({ code, reason }) => closed(own, link, code, reason);
  }

  /**
   * Connect anew.
   * @param {Run} own
   */
  function connect(own) {
    own.link = connection();
    follow(own);
  }

  /**
   * Send a piece, or keep it for the moment when there is a connection.
   * @param {Run} own
   * @param {Piece} piece
   */
  function pass({ link, waiting, total, rate }, piece) {
    waiting.push(piece);
    if (!link.ready) {
      while (waiting[0].at < total - EARLY * rate) waiting.shift();
      return;
    }
    if (link.socket.bufferedAmount > 2 * STALLED * rate) return link.socket.close();
    for (const { samples } of waiting.splice(0)) {
      link.socket.send(samples);
      link.sent += samples.length;
    }
  }

  /**
   * @param {Run} own
   * @param {Link} link
   * @param {Frame} frame
   */
  function receive(own, link, { status, left: allowed, received_s: received, voiced = false, utterance }) {
    const { rate } = own;
    if (status && !own.problem) say(status);
    if (allowed !== undefined) {
      Object.assign(link, { ready: true, first: own.waiting[0]?.at ?? own.total });
      left = allowed;
      own.problem = "";
    }
    if (received !== undefined) {
      link.received = Math.round(received * rate);
      own.lost = own.tries = 0;
      if (link === own.link && run === own) light(voiced);
      if (voiced) Object.assign(own, { unvoiced: 0, loudest: 0, hint: "", returned: "" });
    }
    if (utterance) {
      const { number, start, end, final, delay } = utterance;
      const { library, token } = link.asked;
      const searched = { library, map: library === "visit" ? token : library };
      const entry = list.show(`${link.id}:${number}`, own.before + link.first / rate + start, utterance, searched);
      if (!final) return;
      const [from, to] = [start, end].map((seconds) => link.first + Math.round(seconds * rate));
      list.keepSound(entry, cut(own, from, to), rate);
      link.late = delay > LATE ? delay : 0;
    }
  }

  /** @param {Link} link */
  function leave(link) {
    link.left = true;
    if (!link.ready) return link.socket.close();
    link.socket.send('{"stop": true}'); // the last answers still come
    setTimeout(() => link.socket.close(), 25_000);
  }

  /**
   * @param {Run} own
   * @param {Link} link
   * @param {number} code
   * @param {string} reason
   */
  function closed(own, link, code, reason) {
    list.abandon(`${link.id}:`, "Interrupted");
    if (link.left || run !== own || own.link !== link) return;
    link.ready = false;
    if (code >= 4400) return stop(reason, true);
    own.lost ||= Date.now();
    light(false);
    const over = Date.now() - own.lost > 1000 * PATIENCE;
    if (over && !own.reached) return stop(UNREACHED, true);
    if (over)
      return stop(
        `${reason || "The connection was lost and could not be restored."} Your results are still here.`,
        true,
      );
    own.problem = `${reason || (own.reached ? "The connection was lost." : UNREACHED)} Trying again…`;
    own.retry = window.setTimeout(() => connect(own), Math.min(8000, 500 * 2 ** own.tries++));
    describe();
  }

  // ---- what a person does -------------------------------------------------------------------------------------

  element.addEventListener("click", ({ target }) => {
    const action = closest(target, "[data-live]")?.dataset.live;
    if (action === "toggle" && run) stop();
    else if (action === "toggle" && !asking) start();
    else if (action === "save") list.save(began);
    else if (action === "clear") list.clear();
  });
  watch("value", () => {
    if (!run || JSON.stringify(wish()) === JSON.stringify(run.link.asked)) return;
    leave(run.link); // another library: another conversation
    connect(run);
  });
  document.addEventListener("visibilitychange", () => {
    if (!run) return;
    name();
    if (document.hidden) away = Date.now();
    else if (away) {
      const returned = `You were away for ${clock((Date.now() - away) / 1000)}: the microphone stayed on.`;
      Object.assign(run, { returned, unvoiced: 0, hint: "" }); // what was amiss meanwhile is said later
    }
  });
  window.addEventListener("pagehide", () => stop());
  const mapped = () => list.mapOf(props.map ?? "");
  watch("map", mapped);
  if (props.map !== undefined) mapped();
  elapsed();
  part(element, ".live-button", HTMLButtonElement).disabled = false;
}
