/**
 * NOTIFY channel: a provider says that something has moved; only a hint to look now. The payload is
 * the task's id, {@link BALANCE_MOVED}, or empty for everything.
 */
export const TOOL_WAKE_CHANNEL = 'tool_wake';
export const BALANCE_MOVED = '$balance';
