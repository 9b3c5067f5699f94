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
  {
    name: 'doctor',
    summary: 'Look at everything the product depends on and say what is wrong',
    load: async () => (await import('./doctor/doctor.command.js')).doctor,
  },
  {
    name: 'migrate',
    summary: 'Bring the database up to date',
    load: async () => (await import('./migrate.command.js')).migrate,
  },
  {
    name: 'admin create',
    summary: 'Make an admin',
    load: async () => (await import('./admin-create.command.js')).adminCreate,
  },
  {
    name: 'credits grant',
    summary: 'Grant credits to a person',
    load: async () => (await import('./credits-grant.command.js')).creditsGrant,
  },
  {
    name: 'mail replay',
    summary: 'Send mails again that were given up',
    load: async () => (await import('./mail-replay.command.js')).mailReplay,
  },
  {
    name: 'openapi',
    summary: 'Write openapi.json',
    load: async () => (await import('./derived/openapi.command.js')).openapi,
  },
  {
    name: 'environment',
    summary: 'Write the table of environment variables into README.md',
    load: async () => (await import('./derived/environment.command.js')).environment,
  },
  {
    name: 'schema',
    summary: 'Write docs/schema.sql',
    load: async () => (await import('./derived/schema.command.js')).schema,
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
