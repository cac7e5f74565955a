// Progress of long work: named steps with an expected cost, so that a person sees what runs, how far it is and what is left.

/** Tells a person how a running step is getting on: one short phrase, replaced by the next. */
export type Say = (detail: string) => void;

/** One step of a plan. */
export interface Step {
  /** What a person reads, in the imperative: "Build kube-apiserver". */
  readonly title: string;
  /** Expected cost in seconds on 2 cores; from the cost recorded at the last run where there is one. */
  readonly seconds: number;
  readonly run: (say: Say, signal: AbortSignal) => Promise<void>;
}
