/** Bytes of one read where a whole file goes through: a quarter of the calls that Node's 64 KiB take. */
export const READ_BYTES = 256 * 1024;
