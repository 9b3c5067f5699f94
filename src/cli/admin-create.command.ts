import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { People } from '../auth/index.js';
import { withInstallation } from './application.js';
import { CommandFailed, type Command } from './command.js';

export const adminCreate: Command = {
  summary:
    'Makes an admin, or makes an admin of the person with this address and sets the password.\n' +
    'Without --password one is made up and printed.',
  usage: '--email <address> [--password <password>] [--name <name>]',

  async run(args) {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({ args, options: { email: text, password: text, name: text } });
    const { email, name } = values;
    if (!email) throw new CommandFailed('Name the address: --email <address>.');
    const password = values.password ?? randomBytes(15).toString('base64url');
    const person = await withInstallation((app) =>
      app.get(People).provision({ email, password, role: 'admin', ...(name && { name }) }),
    );
    console.log(`${person.email} is an admin (${person.id}).`);
    if (values.password === undefined) console.log(`Password: ${password}`);
    return 0;
  },
};
