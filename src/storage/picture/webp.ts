import { open } from 'node:fs/promises';

const RIFF_HEADER = 12;
const CHUNK_HEADER = 8;
const MAX_CHUNKS = 64;

/** True when the WebP's picture (its first frame, if animated) is coded without loss. */
export const isLosslessWebp = async (source: string): Promise<boolean> => {
  const file = await open(source, 'r');
  try {
    const header = Buffer.alloc(CHUNK_HEADER);
    let position = RIFF_HEADER;
    for (let count = 0; count < MAX_CHUNKS; count += 1) {
      const { bytesRead } = await file.read(header, 0, CHUNK_HEADER, position);
      if (bytesRead < CHUNK_HEADER) return false;
      const name = header.toString('latin1', 0, 4);
      if (name === 'VP8L') return true;
      if (name === 'VP8 ') return false;
      // A frame of an animation holds its picture's chunk after 16 bytes of its own.
      if (name === 'ANMF') position += CHUNK_HEADER + 16;
      else {
        const size = header.readUInt32LE(4);
        position += CHUNK_HEADER + size + (size % 2);
      }
    }
    return false;
  } finally {
    await file.close();
  }
};
