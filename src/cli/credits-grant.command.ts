import { parseArgs } from 'node:util';
import { AuditTrail, People } from '../auth/index.js';
import { Ledger } from '../credits/index.js';
import { withInstallation } from './application.js';
import { CommandFailed, type Command } from './command.js';

export const creditsGrant: Command = {
  summary:
    'Grants credits to a person; a negative amount takes them. With --key the grant happens once,\n' +
    'however often the command is repeated.',
  usage: '--email <address> --amount <credits> --reason <text> [--key <key>]',

  async run(args) {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      args,
      options: { email: text, amount: text, reason: text, key: text },
    });
    const { email, reason, key } = values;
    const amount = Number(values.amount);
    if (!email || !reason || !Number.isInteger(amount)) {
      throw new CommandFailed(`Write: credits grant ${creditsGrant.usage}`);
    }
    return withInstallation(async (app) => {
      const person = await app.get(People).findByEmail(email);
      if (!person) throw new CommandFailed(`No person has the address ${email}.`);
      const ledger = app.get(Ledger);
      const entry = await ledger.grant({ userId: person.id, amount, reason, key });
      const { available, reserved } = await ledger.balanceOf(person.id);
      if (entry) {
        await app.get(AuditTrail).record({
          kind: 'credits.granted',
          subjectId: person.id,
          actorId: null,
          details: { amount, entryId: entry.id },
        });
      }
      if (!entry) console.log(`The grant "${key}" was made before; nothing changed.`);
      console.log(`${person.email}: ${available} credits available, ${reserved} reserved.`);
      return 0;
    });
  },
};
