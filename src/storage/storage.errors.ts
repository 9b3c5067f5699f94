import { defineErrors } from '../platform/index.js';

/** Refusals about files. */
export const filesError = defineErrors({
  'files.not_found': { status: 404, title: 'No such file' },
  'files.missing': { status: 400, title: 'The form has no file' },
  'files.malformed_form': { status: 400, title: 'The form cannot be read' },
  'files.too_large': { status: 413, title: 'The file is too large' },
  'files.unsupported_type': { status: 415, title: 'The type of the file is not accepted' },
  'files.unreadable': { status: 422, title: 'The picture cannot be read' },
  'files.in_use': { status: 409, title: 'An open job uses the file' },
  'files.range_not_satisfiable': { status: 416, title: 'The range lies outside the file' },
  'files.link_invalid': { status: 403, title: 'The link is not valid' },
  'files.quota_exceeded': { status: 409, title: 'The storage of this account is full' },
  'files.storage_full': { status: 507, title: 'There is no space for the file' },
  'files.storage_failed': { status: 503, title: 'The file store does not answer' },
});
