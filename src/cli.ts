import 'reflect-metadata';
import { findCommand, listOfCommands } from './cli/commands.js';
import { CommandFailed } from './cli/command.js';
import { ConfigError } from './config/index.js';
import { EmbeddedError } from './embedded/index.js';

/** 128 + SIGINT, as shells count. */
const INTERRUPTED = 130;

const isExpected = (error: unknown): error is Error =>
  error instanceof CommandFailed ||
  error instanceof ConfigError ||
  error instanceof EmbeddedError ||
  (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));

const run = async (words: string[]): Promise<number> => {
  const [first] = words;
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    console.log(listOfCommands());
    return 0;
  }
  const found = findCommand(words);
  if (!found) {
    console.error(`There is no command "${words.join(' ')}".\n\n${listOfCommands()}`);
    return 2;
  }
  const command = await found.load();
  if (found.args.includes('--help') || found.args.includes('-h')) {
    console.log(`npm run cli -- ${found.name} ${command.usage}\n\n${command.summary}`);
    return 0;
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupted.abort(new CommandFailed('Interrupted.')));
  }
  try {
    return await command.run(found.args, interrupted.signal);
  } catch (error) {
    if (interrupted.signal.aborted) {
      console.error('Interrupted.');
      return INTERRUPTED;
    }
    throw error;
  }
};

run(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(isExpected(error) ? error.message : error);
    process.exit(1);
  },
);
