/** One word (or two) of the command line. */
export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** What stands behind the name, such as `[<picture> ["<prompt>"]]`; empty: nothing. */
  readonly usage: string;
  /**
   * Does it with the arguments that follow the name. `signal` aborts when the person presses Ctrl-C.
   * Returns the exit code; throws {@link CommandFailed} for what the person can mend.
   */
  run(args: string[], signal: AbortSignal): Promise<number>;
}

/** The command cannot be done; its message is a sentence for the person, printed without a stack. */
export class CommandFailed extends Error {}
