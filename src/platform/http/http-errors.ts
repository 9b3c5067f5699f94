import { defineErrors } from './domain-error.js';

/** Refusals that belong to no product module. */
export const httpError = defineErrors({
  'http.validation_failed': { status: 400, title: 'The request is not valid' },
  'http.malformed_json': { status: 400, title: 'The body is not valid JSON' },
  'http.bad_request': { status: 400, title: 'The request cannot be read' },
  'http.unauthorized': { status: 401, title: 'A login is needed' },
  'http.forbidden': { status: 403, title: 'Not allowed' },
  'http.not_found': { status: 404, title: 'Not found' },
  'http.method_not_allowed': { status: 405, title: 'Method not allowed' },
  'http.body_too_large': { status: 413, title: 'The body is too large' },
  'http.unsupported_media_type': { status: 415, title: 'The content type is not accepted' },
  'http.idempotency_key_reused': {
    status: 422,
    title: 'The Idempotency-Key was used for another request',
  },
  'http.idempotency_in_flight': {
    status: 409,
    title: 'The first request with this Idempotency-Key is not finished',
  },
  'http.rate_limited': { status: 429, title: 'Too many requests' },
  'http.internal': { status: 500, title: 'Something failed on our side' },
  'http.unavailable': { status: 503, title: 'Not available now' },
});
