import { defineErrors } from '../platform/index.js';

/** The refusals of the mail module. */
export const mailError = defineErrors({
  'mail.job_not_succeeded': {
    status: 409,
    title: 'Only the results of a succeeded job are mailed',
  },
  'mail.daily_limit': { status: 429, title: 'Too many mails for one day' },
  'mail.not_found': { status: 404, title: 'No such mail' },
  'mail.already_ended': { status: 409, title: 'The mail cannot be sent again' },
});
