/** An embedded service cannot start; the message is one sentence for the person who started it. */
export class EmbeddedError extends Error {
  override readonly name: string = 'EmbeddedError';
}

/** Another live process holds the lock on the data directory. */
export class DataDirInUse extends EmbeddedError {
  override readonly name = 'DataDirInUse';
}
