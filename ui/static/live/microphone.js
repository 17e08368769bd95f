// @ts-check
/* Runs beside the page's script: mixes the sound of the microphone to one channel and passes it on in pieces. */

const SECONDS = 0.08;

class Microphone extends AudioWorkletProcessor {
  #piece = new Int16Array(Math.round(SECONDS * sampleRate));
  #filled = 0;
  #peak = 0;

  /** @param {Float32Array[][]} inputs channels of each */
  process([channels]) {
    const length = channels[0]?.length ?? 0;
    for (let n = 0; n < length; n++) {
      let sum = 0;
      for (const channel of channels) sum += channel[n];
      const sample = Math.max(-1, Math.min(1, sum / channels.length));
      this.#peak = Math.max(this.#peak, Math.abs(sample));
      this.#piece[this.#filled++] = Math.round(32767 * sample);
      if (this.#filled === this.#piece.length) this.#pass();
    }
    return true;
  }

  #pass() {
    const samples = this.#piece;
    this.port.postMessage({ samples, peak: this.#peak }, [samples.buffer]);
    this.#piece = new Int16Array(Math.round(SECONDS * sampleRate));
    this.#filled = this.#peak = 0;
  }
}

registerProcessor("microphone", Microphone);
