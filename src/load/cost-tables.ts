/**
 * Cost tables that were fitted to measurements of a real kernel, with where the figures come from.
 * docs/method.md tells how, and how far off the fit is.
 */
import { COST_TABLES, type CostTable } from '../engine/cost.ts';

/** What a kernel did on the shapes of the benchmark: packets a second of one core. */
export interface KernelMeasurement {
  /** As bench/shapes.ts names it. */
  readonly shape: 'chain1' | 'chain4' | 'chain16' | 'bridge' | 'dnat' | 'overlay';
  readonly packetsPerSec: number;
}

export interface CalibratedCosts {
  readonly cost: CostTable;
  readonly measuredOn: string;
  readonly machine: string;
  readonly method: string;
  readonly measurements: readonly KernelMeasurement[];
}

/**
 * Path costs of Linux 6.18 in a virtual machine. Device, IP, bridge, conntrack and VXLAN figures are
 * fitted to the shapes; ESP, wake-ups and sockets are estimates of the same machine's order.
 */
export const LINUX_618_VM: CalibratedCosts = {
  measuredOn: '2026-11',
  machine:
    '2 vCPU AMD EPYC (family 26), KVM guest, Linux 6.18 with retpolines and Safe-RET, nf_tables iptables',
  method:
    'UDP datagrams of 64 bytes by sendmmsg through namespaces and veth pairs; CPU time of the sending ' +
    'core, softirqs included; dropped in raw/PREROUTING of the receiver; medians of 5 rounds',
  measurements: [
    { shape: 'chain1', packetsPerSec: 252_000 },
    { shape: 'chain4', packetsPerSec: 141_000 },
    { shape: 'chain16', packetsPerSec: 54_000 },
    { shape: 'bridge', packetsPerSec: 210_000 },
    { shape: 'dnat', packetsPerSec: 173_000 },
    { shape: 'overlay', packetsPerSec: 103_000 },
  ],
  cost: {
    deviceTransmitNs: 300,
    deviceReceiveNs: 250,
    bridgeForwardNs: 1160,
    vxlanEncapsulateNs: 950,
    vxlanDecapsulateNs: 850,
    ipReceiveNs: 200,
    ipForwardNs: 220,
    ipOutputNs: 650,
    conntrackNs: 1350,
    ruleNs: 25,
    espPacketNs: 1200,
    espKibNs: 700,
    socketDeliverNs: 400,
    systemCallNs: 1640,
    wakeUpNs: 2500,
  },
};

export const COST_NAMES = ['linux-6.18-vm', 'default', 'ideal'] as const;
export type CostName = (typeof COST_NAMES)[number];

export const COSTS: Readonly<Record<CostName, CostTable>> = {
  'linux-6.18-vm': LINUX_618_VM.cost,
  default: COST_TABLES.default,
  ideal: COST_TABLES.ideal,
};
