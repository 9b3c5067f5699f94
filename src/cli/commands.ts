/**
 * cli: the words that an operator types. Owns the list of commands; each is a file of its own that
 * is loaded only when it is called. Refuses to hold product rules: a command asks a module's service,
 * or speaks HTTP as everyone else does.
 */
import type { Command } from './command.js';

interface Listed {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const COMMANDS: readonly Listed[] = [
  {
    name: 'demo',
    summary: 'Carry a picture from the sign-up to the result and the mail, over HTTP',
    load: async () => (await import('./demo/demo.command.js')).demo,
  },
];

export interface Found {
  readonly name: string;
  readonly args: string[];
  readonly load: () => Promise<Command>;
}

/** The command that the words begin with, and the words after its name. */
export const findCommand = (words: readonly string[]): Found | undefined => {
  for (const { name, load } of COMMANDS) {
    const length = name.split(' ').length;
    if (words.slice(0, length).join(' ') === name) return { name, args: words.slice(length), load };
  }
  return undefined;
};

/** The help page. */
export const listOfCommands = (): string => {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  return [
    'npm run cli -- <command> [arguments]',
    '',
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'npm run cli -- <command> --help explains one of them.',
  ].join('\n');
};
