const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Whether this is a UUID, of any version, as PostgreSQL and we write it: in lower case (RFC 9562 §4). What a
 * client sends may come in capitals, so ask for its lower case.
 */
export const isUuid = (text: string): boolean => UUID.test(text);
