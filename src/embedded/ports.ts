import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export const LOOPBACK = '127.0.0.1';

/** Binds the port (0: any) on loopback for a moment and returns its number, or undefined when it is taken. */
async function probe(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

/**
 * A port that was free a moment ago: `preferred` if it is, or becomes so within `patienceMs` (its
 * last holder may be about to end), else any.
 */
export async function freePort(preferred?: number, patienceMs = 0): Promise<number> {
  const until = performance.now() + patienceMs;
  while (preferred !== undefined) {
    const port = await probe(preferred);
    if (port !== undefined) return port;
    if (performance.now() >= until) break;
    await delay(50);
  }
  const any = await probe(0);
  if (any === undefined) throw new Error('No port can be opened on 127.0.0.1.');
  return any;
}
