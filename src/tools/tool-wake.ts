/** NOTIFY channel: a provider says that a task has moved; only a hint to look now. */
export const TOOL_WAKE_CHANNEL = 'tool_wake';
