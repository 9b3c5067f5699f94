/** Assembles the image's files in `folder`; returns the bytes of all of them. */
export declare const assemble: (folder: string) => number;
