import { createReadStream } from 'node:fs';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
  type CompletedPart,
  type S3Client,
  type ServerSideEncryption,
} from '@aws-sdk/client-s3';

const PART_BYTES = 8 * 1024 * 1024;

/** Larger objects go up in parts. */
export const MULTIPART_FROM_BYTES = PART_BYTES + 1;

export interface MultipartTarget {
  readonly Bucket: string;
  readonly Key: string;
  readonly ContentType: string;
  readonly ServerSideEncryption: ServerSideEncryption | undefined;
}

/** Uploads a file part by part: nothing appears under the key until all are there. */
export const putInParts = async (
  client: S3Client,
  { Bucket, Key, ...facts }: MultipartTarget,
  sourcePath: string,
  sizeBytes: number,
): Promise<void> => {
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ...facts }),
  );
  const upload = { Bucket, Key, UploadId };
  try {
    const Parts: CompletedPart[] = [];
    for (let start = 0; start < sizeBytes; start += PART_BYTES) {
      const end = Math.min(start + PART_BYTES, sizeBytes) - 1;
      const PartNumber = Parts.length + 1;
      const { ETag } = await client.send(
        new UploadPartCommand({
          ...upload,
          PartNumber,
          Body: createReadStream(sourcePath, { start, end }),
          ContentLength: end - start + 1,
        }),
      );
      Parts.push({ PartNumber, ETag });
    }
    await client.send(
      new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }),
    );
  } catch (error) {
    // What cannot be given up now is found by sweepParts.
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
    throw error;
  }
};

/** Gives up multipart uploads under `Prefix` that were begun before `before`; returns how many. */
export const sweepParts = async (
  client: S3Client,
  Bucket: string,
  Prefix: string,
  before: Date,
): Promise<number> => {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix }));
  const old = Uploads.filter(({ Initiated }) => Initiated !== undefined && Initiated < before);
  for (const { Key, UploadId } of old) {
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  }
  return old.length;
};
