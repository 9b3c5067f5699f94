import { defineErrors } from '../platform/index.js';

export const toolError = defineErrors({
  'tools.not_configured': { status: 503, title: 'This tool is not set up here' },
  'tools.webhook_refused': { status: 403, title: 'The webhook is not signed as it must be' },
});
