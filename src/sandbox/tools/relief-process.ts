/** The other side of relief-maker.ts. */
import { reliefOf, renderingOf, type ReliefOptions } from './relief.js';

export interface ReliefOrder extends ReliefOptions {
  readonly picture: Uint8Array;
}

export type FromRelief =
  { readonly model: Uint8Array; readonly preview: Uint8Array } | { readonly failed: string };

const make = async ({ picture, ...options }: ReliefOrder): Promise<FromRelief> => {
  const bytes = Buffer.from(picture);
  return { model: await reliefOf(bytes, options), preview: await renderingOf(bytes) };
};

const answer = (message: FromRelief): void => void process.send?.(message);

process.on('disconnect', () => process.exit(0));
process.on('message', (order: ReliefOrder) => {
  make(order).then(answer, (error: unknown) => answer({ failed: String(error) }));
});
