import { defineErrors } from '../platform/index.js';

export const toolError = defineErrors({
  'tools.not_configured': { status: 503, title: 'This tool is not set up here' },
  'tools.bad_signature': { status: 401, title: 'The signature is not valid' },
});
