declare module 'heic-decode' {
  interface HeicImage {
    readonly width: number;
    readonly height: number;
    decode(): Promise<{ data: Uint8ClampedArray<ArrayBuffer> }>;
  }
  const heic: {
    /** The images of the file, not decoded yet. */
    all(input: { buffer: Uint8Array }): Promise<HeicImage[] & { dispose(): void }>;
  };
  export default heic;
}
