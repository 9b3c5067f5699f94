/**
 * One execution's place in its lane. Prompts are posted in the order in which jobs were picked, so
 * that a quick upload does not overtake an earlier job.
 */
export interface LaneTurn {
  /** Resolves when every job picked before has posted its prompt or ended. */
  readonly mayPost: Promise<void>;
  posted(): void;
  /** The GPU is done with this job: the lane may take another while results are fetched. */
  gpuDone(): void;
}
