/* The live tab: microphone, connection (see frames.py), and what is said about both. The list is in utterances.js, the
   map beside it in trail.js. */
"use strict";

clasp.live = (element, props, watch) => {
  const part = (selector) => element.querySelector(selector);
  const trail = clasp.trail(element);
  const list = clasp.utterances(element, trail);
  const title = document.title;

  const KEPT = 60; // seconds of sound that can still be cut out
  const EARLY = 5; // seconds that wait for the connection
  const STALLED = 5; // seconds that are not sent though they should be
  const LATE = 1; // seconds from which a delay is shown
  const PATIENCE = 60; // seconds in which a lost connection may come back
  const QUIET = 8; // seconds without speech that are worth a word
  const AWAITED = 5; // seconds within which there must be sound
  const SILENT = 0.25; // level below which it is silent
  const SAMPLE_RATE = 16_000; // what the server wants; where the browser cannot, any other

  let run = null; // while it listens: microphone, sound and connection
  let asking = false; // for the microphone
  let began = new Date();
  let before = 0; // seconds of earlier runs
  let connections = 0;
  let left = null; // seconds that may still be spoken
  let away = 0; // when the tab was hidden

  const level = (peak) => Math.min(1, Math.max(0, 1 + Math.log10(Math.max(peak, 1e-4)) / 3)); // 60 dB
  const wish = () => {
    const [library = "demo", category = "", language = "", visit = ""] = props.value ? JSON.parse(props.value) : [];
    const one = (name) => (name ? [name] : []);
    return { library, visit: visit || "", categories: one(category), languages: one(language) };
  };

  const key = ({ library, visit }) => (library === "visit" ? visit : library); // what stands for it in addresses

  // ---- what is shown ----------------------------------------------------------------------------------------

  function say(sentence, alarm = false) {
    const line = part(".live-state");
    if (line.textContent !== sentence) line.textContent = sentence;
    line.classList.toggle("alarm", alarm);
  }

  function dress(state) {
    element.querySelector(".live").dataset.state = state;
    part(".live-button span").textContent = { idle: "Start listening", asking: "Asking …" }[state] ?? "Stop";
    document.title = run && document.hidden ? `● Listening: ${title}` : title;
    light(false);
  }

  function light(voiced) {
    part(".live-light").dataset.voiced = voiced;
    const word = !run ? "Off" : voiced ? "Speech" : "Waiting";
    if (part(".live-light span").textContent !== word) part(".live-light span").textContent = word;
  }

  /* One sentence for the state of things, the most urgent one. */
  function describe() {
    if (!run) return;
    const { link } = run;
    if (!link.ready) return say(run.problem || "Connecting …", Boolean(run.problem));
    const late = Math.max(link.late, (link.sent - link.received) / run.rate);
    if (late > LATE) return say(`The server is busy: delayed by ${Math.round(late)} s.`, true);
    if (!clasp.audio.paused) return say("Not listening while something plays.");
    if (run.track.muted) return say("The microphone is muted: switch it on, or choose another one.", true);
    if (run.hint) return say(run.hint);
    say(run.returned || "Listening: say something.");
  }

  function elapsed() {
    const seconds = before + (run ? run.total / run.rate : 0);
    const limit = left === null || !run ? "" : ` of ${list.clock(before + run.link.first / run.rate + left)}`;
    const text = list.clock(seconds) + limit;
    if (part(".live-time").textContent !== text) part(".live-time").textContent = text;
  }

  // ---- microphone -------------------------------------------------------------------------------------------

  const REFUSALS = {
    NotAllowedError: "The microphone is not allowed: allow it for this page in the browser's settings, then start again.",
    NotFoundError: "There is no microphone: plug one in, then start again.",
    NotReadableError: "The microphone cannot be used just now: close what else uses it, then start again.",
  };

  const NO_SOUND =
    "No sound comes from the microphone: connect it, and a loudspeaker, which some browsers need, too; then start again.";

  async function start() {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode)
      return say("Browsers give the microphone to safe pages only: open this one with https, or as localhost.", true);
    asking = true;
    dress("asking");
    say("The browser asks whether the microphone may be used.");
    try {
      clasp.stop();
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
      await listen(stream);
    } catch (error) {
      dress("idle");
      say(REFUSALS[error.name] ?? `The microphone cannot be used: ${error.message}.`, true);
    } finally {
      asking = false;
    }
  }

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
      await context.audioWorklet.addModule("microphone.js");
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      throw error;
    }
    const [track] = stream.getAudioTracks();
    const mine = { before, stream, track, context, rate: context.sampleRate, total: 0, tape: [], waiting: [], hint: "" };
    Object.assign(mine, { unvoiced: 0, loudest: 0, problem: "", returned: "", lost: 0, tries: 0, reached: false });
    track.onended = () => run === mine && stop("The microphone is gone: plug it in, then start again.", true);
    if (!before) began = new Date();
    run = mine;
    connect(mine);
    dress("listening");
    const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => run === mine && hear(mine, data.samples, data.peak);
    source.connect(node);
    describe();
    setTimeout(() => run === mine && !mine.total && stop(NO_SOUND, true), 1000 * AWAITED);
    context.resume().catch(({ message }) => run === mine && stop(`The microphone cannot be used: ${message}.`, true));
  }

  function hear(mine, samples, peak) {
    if (!clasp.audio.paused) samples.fill(0); // a hit that is played is not something said
    const piece = { at: mine.total, samples };
    mine.total += samples.length;
    mine.tape.push(piece);
    while (mine.tape[0].at < mine.total - KEPT * mine.rate) mine.tape.shift();
    pass(mine, piece);
    const seconds = samples.length / mine.rate;
    part(".live-level").style.setProperty("--level", level(peak));
    mine.unvoiced += seconds;
    mine.loudest = Math.max(mine.loudest, level(peak));
    if (mine.unvoiced > QUIET) {
      mine.hint =
        mine.loudest < SILENT
          ? "It is silent: speak up, or see whether the right microphone is on."
          : "Only background noise is heard: speak closer to the microphone.";
      mine.unvoiced = mine.loudest = 0;
    }
    elapsed();
    describe();
  }

  /* What was heard from one sample to another, Int16Array. */
  function cut(mine, from, to) {
    const parts = mine.tape
      .filter(({ at, samples }) => at < to && at + samples.length > from)
      .map(({ at, samples }) => samples.subarray(Math.max(0, from - at), Math.max(0, to - at)));
    const whole = new Int16Array(parts.reduce((length, one) => length + one.length, 0));
    parts.reduce((at, one) => (whole.set(one, at), at + one.length), 0);
    return whole;
  }

  function stop(sentence = "", alarm = false) {
    const mine = run;
    for (const track of mine.stream.getTracks()) track.stop();
    mine.context.close();
    before = mine.before + mine.total / mine.rate;
    run = null;
    clearTimeout(mine.retry);
    leave(mine.link);
    part(".live-level").style.setProperty("--level", 0);
    dress("idle");
    elapsed();
    say(sentence, alarm);
  }

  const UNREACHED =
    "The server cannot be reached. A proxy before it must let WebSockets through: headers Upgrade, Connection and Host.";

  // ---- connection -------------------------------------------------------------------------------------------

  function connect(mine) {
    const address = new URL("live", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    const asked = wish();
    const link = { socket, asked, id: ++connections, ready: false, left: false, first: 0, sent: 0, received: 0, late: 0 };
    mine.link = link;
    socket.onopen = () => {
      mine.reached = true;
      socket.send(JSON.stringify({ rate: mine.rate, ...asked }));
    };
    socket.onmessage = ({ data }) => receive(mine, link, JSON.parse(data));
    socket.onclose = ({ code, reason }) => closed(mine, link, code, reason);
  }

  /* Send a piece, or keep it for the moment when there is a connection. */
  function pass(mine, piece) {
    const { link } = mine;
    mine.waiting.push(piece);
    if (!link.ready) {
      while (mine.waiting[0].at < mine.total - EARLY * mine.rate) mine.waiting.shift();
      return;
    }
    if (link.socket.bufferedAmount > 2 * STALLED * mine.rate) return link.socket.close();
    for (const { samples } of mine.waiting.splice(0)) {
      link.socket.send(samples);
      link.sent += samples.length;
    }
  }

  function receive(mine, link, { status, left: allowed, received_s: received, voiced, utterance }) {
    if (status && !mine.problem) say(status);
    if (allowed !== undefined) {
      Object.assign(link, { ready: true, first: mine.waiting[0]?.at ?? mine.total });
      left = allowed;
      mine.problem = "";
    }
    if (received !== undefined) {
      link.received = Math.round(received * mine.rate);
      mine.lost = mine.tries = 0;
      if (link === mine.link && run === mine) light(voiced);
      if (voiced) Object.assign(mine, { unvoiced: 0, loudest: 0, hint: "", returned: "" });
    }
    if (utterance) {
      const at = mine.before + link.first / mine.rate + utterance.start;
      const entry = list.show(`${link.id}:${utterance.number}`, at, utterance, link.asked.library, key(link.asked));
      if (!utterance.final) return;
      const [from, to] = [utterance.start, utterance.end].map((seconds) => link.first + Math.round(seconds * mine.rate));
      list.sound(entry, cut(mine, from, to), mine.rate);
      link.late = utterance.delay > LATE ? utterance.delay : 0;
    }
  }

  function leave(link) {
    link.left = true;
    if (!link.ready) return link.socket.close();
    link.socket.send('{"stop": true}'); // the last answers still come
    setTimeout(() => link.socket.close(), 25_000);
  }

  function closed(mine, link, code, reason) {
    list.abandon(`${link.id}:`, "Broken off");
    if (link.left || run !== mine || mine.link !== link) return;
    link.ready = false;
    if (code >= 4400) return stop(reason, true);
    mine.lost ||= Date.now();
    light(false);
    const over = Date.now() - mine.lost > 1000 * PATIENCE;
    if (over && !mine.reached) return stop(UNREACHED, true);
    if (over) return stop(`${reason || "The connection was lost and does not come back."} What was found stays.`, true);
    mine.problem = `${reason || (mine.reached ? "The connection was lost." : UNREACHED)} Trying again …`;
    mine.retry = setTimeout(() => connect(mine), Math.min(8000, 500 * 2 ** mine.tries++));
    describe();
  }

  // ---- what a person does -----------------------------------------------------------------------------------

  element.addEventListener("click", ({ target }) => {
    const action = target.closest?.("[data-live]")?.dataset.live;
    if (action === "toggle" && !asking) run ? stop() : start();
    if (action === "save") list.save(began);
    if (action === "clear") list.clear();
  });
  watch("value", () => {
    if (!run || JSON.stringify(wish()) === JSON.stringify(run.link.asked)) return;
    leave(run.link); // another library: another conversation
    connect(run);
  });
  document.addEventListener("visibilitychange", () => {
    if (!run) return;
    document.title = document.hidden ? `● Listening: ${title}` : title;
    if (document.hidden) away = Date.now();
    else if (away) run.returned = `You were away for ${list.clock((Date.now() - away) / 1000)}: the microphone stayed on.`;
  });
  window.addEventListener("pagehide", () => run && stop());
  watch("map", () => trail.of(props.map));
  if (props.map !== undefined) trail.of(props.map);
  part(".live-button").disabled = false;
};
