/**
 * netsim as a library: the simulator, one machine's network stack, and what looks at it. Runs in Node
 * and in a browser page. The command line is not part of it.
 */
export { KernelError, NetsimError } from './base/errors.ts';
export { formatIpv4, type Ipv4, parseIpv4 } from './base/ipv4-address.ts';
export { formatMac, type Mac, parseMac } from './base/mac-address.ts';
export { COST_TABLES, type CostTable } from './engine/cost.ts';
export type { Device, Direction, Tap } from './engine/device.ts';
export { addTap, removeTap } from './engine/device.ts';
export { DROP_REASONS, type DropReason } from './engine/drop-reason.ts';
export type { Packet } from './engine/packet.ts';
export {
  makeSimulator,
  runOn,
  runUntil,
  type Simulator,
  type SimulatorOptions,
} from './engine/simulator.ts';
export { TRACE_KINDS, type TraceKind } from './engine/trace.ts';
export {
  type Capture,
  captureDevices,
  captureFiles,
  closeCapture,
  makeCapture,
} from './observe/capture.ts';
export { explainLosses, traceLines } from './observe/explain.ts';
export { checkLaws } from './observe/invariants.ts';
export { readPcap, writePcap } from './observe/pcap.ts';
export { readPcapng, writePcapng } from './observe/pcapng.ts';
export { drawWays, type PictureOptions } from './observe/picture.ts';
export { eventsOf, startTrace, stopTrace, type TraceEvent } from './observe/trace.ts';
export { findEchoWays } from './observe/way.ts';
export type { ShellHost } from './shell/driver.ts';
export { type RunScriptOptions, runScript } from './shell/run-script.ts';
export { parseTopology, type Topology } from './topology/topology.ts';
export type { Machine } from './world/machine.ts';
export { addMachine, createWorld, type World, type WorldOptions } from './world/world.ts';
