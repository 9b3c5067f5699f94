/** The other side of try-on-painter.ts: composes one try-on and ends. */
import { tryOn, type TryOnOrder } from './try-on.js';

export type FromPainter =
  { readonly result: Uint8Array; readonly masked: Uint8Array } | { readonly failed: string };

const answer = (message: FromPainter): void => {
  process.send?.(message, () => process.exit(0));
};

process.on('disconnect', () => process.exit(0));
process.on('message', (order: TryOnOrder) => {
  tryOn(order).then(answer, (error: unknown) => answer({ failed: String(error) }));
});
