import { AbortMultipartUploadCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { sweepParts } from './s3-multipart.js';

/** The S3 stand-in cannot list unfinished uploads: here the answer is scripted. */
class ScriptedClient extends S3Client {
  readonly aborted: unknown[] = [];

  override send = (command: unknown): Promise<never> => {
    if (command instanceof AbortMultipartUploadCommand) this.aborted.push(command.input);
    const Uploads = [
      { Key: 'house/old', UploadId: '1', Initiated: new Date(1_000) },
      { Key: 'house/new', UploadId: '2', Initiated: new Date(3_000) },
    ];
    return Promise.resolve({ Uploads } as never);
  };
}

describe('sweepParts', () => {
  it('gives up what was begun before, and only that', async () => {
    const client = new ScriptedClient({ region: 'x' });
    expect(await sweepParts(client, 'bucket', 'house/', new Date(2_000))).toBe(1);
    expect(client.aborted).toEqual([{ Bucket: 'bucket', Key: 'house/old', UploadId: '1' }]);
  });
});
