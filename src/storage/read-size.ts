/**
 * Bytes of one read where a whole file goes through: fewer calls than Node's 64 KiB take, and just below the
 * 128 KiB from which on glibc maps each buffer anew, so that every page of it is a fault (mallopt(3),
 * M_MMAP_THRESHOLD).
 */
export const READ_BYTES = 120 * 1024;
