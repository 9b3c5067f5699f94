/**
 * mail: every mail that leaves the house, at least once, guaranteed. Owns the terms Email (one mail
 * to one recipient), Recipient, Letter (what it says) and Suppression. The row in `emails` is the
 * truth; SQS carries only its id, SES is called once per try. A second copy goes out only when a
 * mailer died between SES's yes and its record, and each such case is counted.
 * Refuses to keep a token or a rendered link anywhere, to show one recipient to another, and to know
 * how results are made.
 */
export { MailModule } from './mail.module.js';
export { MAIL_MIGRATIONS } from './migrations.js';
export { MailAdmin } from './requests/mail-admin.service.js';
