/** What the modules of the page share besides their code. */

/** What a gr.HTML hands to the module that brings it to life: see ui/script.py. */
interface Component {
  element: HTMLElement;
  /** What the server has told it, by name. */
  props: Record<string, string | undefined>;
  /** Call something whenever the server tells something else. */
  watch(name: string, changed: () => void): void;
  /** Tell the server. */
  trigger(event: string, data?: object): void;
}

/** What the player plays: from `start` to `end`, in seconds; without an end later than its start it plays on. */
interface Sound {
  id: string;
  src: string;
  start: number;
  end: number;
  /** What is done once it has been played. */
  after?: () => void;
}

/** A place on the map of a library, in both of its forms. */
interface Place {
  flat: [number, number];
  solid: [number, number, number];
}

/** A fact by which points are coloured and filtered. */
type Fact = "category" | "language" | "speaker" | "recording" | "date";

/** How the points of a map are looked at. */
interface Look {
  by: Fact | "modality";
  dimensions: 2 | 3;
  /** Whether the texts are drawn, too. */
  texts: boolean;
  /** Whether the regions are named. */
  regions: boolean;
  /** 1 for each point that is drawn in full; null: all of them. */
  shown: Uint8Array | null;
  /** What dragging does. */
  drag: "pan" | "lasso" | "select";
}

/** What is marked on a map, as rows of its points and as places. */
interface Marks {
  hits: number[];
  query: Place | null;
  path: Place[];
  spot: number | null;
  /** The rows that were selected; null: none were. */
  chosen: number[] | null;
}

/** A point: the speech or the text of a row. */
interface Spot {
  row: number;
  text: boolean;
}

/** An entry of a map's legend. */
interface LegendEntry {
  code: number;
  label: string;
  colour: string;
  count: number;
}

/** The points of a library's map, a row for each: see points.js. */
interface MapPoints {
  /** Stands for the library in addresses. */
  key: string;
  /** How many rows there are, and how many utterances the library has. */
  count: number;
  of: number;
  /** How many came later than the map, and how many of the points were laid out before the others were placed. */
  stale: number;
  sampled: number;
  id: Float64Array;
  start: ArrayLike<number>;
  end: ArrayLike<number>;
  category: ArrayLike<number> & Iterable<number>;
  language: ArrayLike<number> & Iterable<number>;
  speaker: ArrayLike<number> & Iterable<number>;
  recording: ArrayLike<number> & Iterable<number>;
  /** Months, years, decades or centuries. */
  date: ArrayLike<number> & Iterable<number>;
  region: Int16Array;
  text: string[];
  /** The title of each recording. */
  titles: string[];
  /** By fact and code: names as the server knows them, and as a person reads them. */
  names: Record<Fact, string[]>;
  labels: Record<Fact, string[]>;
  /** What they are called, and in English where that is another language. */
  regions: ({ name: string; english: string } & Place)[];
  /** Pairs of rows that say the same in two recordings. */
  threads: [number, number][];
  measures: { name: string; value: number; chance: number | null; meaning: string }[];
  /** Coordinates within [-1, 1], two or three for each row; NaN where there is none. */
  flat: Float32Array;
  solid: Float32Array;
  flatText: Float32Array;
  solidText: Float32Array;
  /** The row of an utterance. */
  row(id: number): number | undefined;
  /** The address of the page of its recording, which begins there. */
  page(row: number): string;
  /** Where an utterance is played, with some seconds around it. */
  sound(row: number, around: number): Omit<Sound, "id">;
}

/** The part of Plotly's public interface that the maps use. */
interface PlotlyStatic {
  newPlot(plot: HTMLElement, traces: object[], layout: object, options: object): Promise<HTMLElement>;
  react(plot: HTMLElement, traces: object[], layout: object, options: object): Promise<HTMLElement>;
  restyle(plot: HTMLElement, values: object, traces: number[]): Promise<HTMLElement>;
  relayout(plot: HTMLElement, values: object): Promise<HTMLElement>;
  update(plot: HTMLElement, values: object, layout: object): Promise<HTMLElement>;
  purge(plot: HTMLElement): void;
}

/** An element on which Plotly draws. */
interface PlotElement extends HTMLElement {
  on(event: string, listener: (event: never) => void): void;
}

declare var Plotly: PlotlyStatic;

interface Window {
  Plotly?: PlotlyStatic;
  /** For the console and for tests in a browser: see common/player.js. */
  clasp: { audio: HTMLMediaElement; playing: () => Sound | null; stop: () => void };
}

/** What an audio worklet, such as live/microphone.js, finds around it. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare const sampleRate: number;
declare function registerProcessor(name: string, processor: typeof AudioWorkletProcessor): void;
