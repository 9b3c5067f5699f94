import { defineErrors } from '../platform/index.js';

/** Refusals of the ledger and the price list. */
export const creditsError = defineErrors({
  'credits.insufficient': { status: 402, title: 'Not enough credits' },
  'credits.already_captured': { status: 409, title: 'The reservation was already captured' },
  'credits.already_released': { status: 409, title: 'The reservation was already released' },
  'credits.already_reserved': { status: 409, title: 'The job has a reservation already' },
  'credits.no_reservation': { status: 409, title: 'The job has no reservation' },
  'credits.unknown_workflow': { status: 404, title: 'No price for this workflow' },
  'credits.unknown_person': { status: 404, title: 'No such person' },
  'credits.invalid_amount': { status: 400, title: 'The amount is not valid' },
});
