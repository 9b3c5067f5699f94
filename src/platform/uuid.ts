const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether this is a UUID as PostgreSQL writes it (RFC 9562 §4), of any version and in any case. */
export const isUuid = (text: string): boolean => UUID.test(text);
