import { parseArgs } from 'node:util';
import { MailAdmin } from '../mail/index.js';
import { withInstallation } from './application.js';
import { CommandFailed, type Command } from './command.js';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

export const mailReplay: Command = {
  summary: 'Gives mails that never went out their tries back: the ones named, or all dead ones.',
  usage: '<id>… | --dead',

  async run(args) {
    const { values, positionals: ids } = parseArgs({
      args,
      allowPositionals: true,
      options: { dead: { type: 'boolean' } },
    });
    const wrong = ids.find((id) => !UUID.test(id));
    if (wrong !== undefined) throw new CommandFailed(`"${wrong}" is not the id of a mail.`);
    if (values.dead === ids.length > 0) {
      throw new CommandFailed(`Write: mail replay ${mailReplay.usage}`);
    }
    return withInstallation(async (app) => {
      const mails = app.get(MailAdmin);
      if (values.dead) {
        const count = await mails.replayDead();
        console.log(`${count} ${count === 1 ? 'mail is on its' : 'mails are on their'} way again.`);
      }
      for (const id of ids) {
        const { recipient } = await mails.replay(id);
        console.log(`The mail to ${recipient} is on its way again.`);
      }
      return 0;
    });
  },
};
