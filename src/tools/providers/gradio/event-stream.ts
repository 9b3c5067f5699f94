import { EventSourceParserStream } from 'eventsource-parser/stream';
import { ProviderError } from '../provider.js';

/** Undefined for what is no JSON. */
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

/**
 * The messages of an event stream, parsed, however its bytes are cut. Throws ProviderError `unavailable` when it is
 * no event stream, breaks off, or says nothing for `silenceMs`, heartbeats included.
 */
export async function* messagesOf(response: Response, silenceMs: number): AsyncGenerator<unknown> {
  const type = response.headers.get('content-type') ?? '';
  if (!type.startsWith('text/event-stream') || !response.body) {
    await response.body?.cancel();
    throw new ProviderError('unavailable', `The application answered ${type || 'nothing'}.`);
  }
  const reader = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (;;) {
      const { value, done } = await within(silenceMs, reader.read());
      if (done) return;
      yield parse(value.data);
    }
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    throw new ProviderError('unavailable', 'The event stream broke off.', { cause: error });
  } finally {
    // Closing the connection is what makes Gradio drop the event.
    await reader.cancel().catch(() => undefined);
  }
}

const within = async <T>(ms: number, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ProviderError('unavailable', 'The application has fallen silent.')),
      ms,
    );
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
};
