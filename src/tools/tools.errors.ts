import { defineErrors } from '../platform/index.js';

export const toolError = defineErrors({
  'tools.not_configured': { status: 503, title: 'This tool is not set up here' },
});
