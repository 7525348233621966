/** Virtual time is a count of nanoseconds: an integer below 2^53, which is 104 days. */
export const NS_PER_MS = 1_000_000;
export const NS_PER_SEC = 1_000_000_000;
