// The public API of netsim. Nothing is published yet.
export {};
