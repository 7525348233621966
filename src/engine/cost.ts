/**
 * What each step of a packet's way costs in virtual nanoseconds of its host's CPU.
 * `default` gives a ping between two containers of one host the round trip of a small machine,
 * as in the recordings; `ideal` makes every step free.
 */
export interface CostTable {
  /** A frame through a device's transmit function (veth, dummy, loopback). */
  readonly deviceTransmitNs: number;
  /** A frame from the backlog to its protocol. */
  readonly deviceReceiveNs: number;
  readonly bridgeForwardNs: number;
  readonly vxlanEncapsulateNs: number;
  readonly vxlanDecapsulateNs: number;
  readonly ipReceiveNs: number;
  readonly ipForwardNs: number;
  readonly ipOutputNs: number;
  readonly conntrackNs: number;
  /** A netfilter rule that is looked at. */
  readonly ruleNs: number;
  /** A packet that IPsec encrypts or opens, and each 1,024 bytes of it. */
  readonly espPacketNs: number;
  readonly espKibNs: number;
  readonly socketDeliverNs: number;
  /** A system call, and a process that is woken up. */
  readonly systemCallNs: number;
  readonly wakeUpNs: number;
}

export const COST_TABLES = {
  default: {
    deviceTransmitNs: 900,
    deviceReceiveNs: 700,
    bridgeForwardNs: 600,
    vxlanEncapsulateNs: 1200,
    vxlanDecapsulateNs: 1100,
    ipReceiveNs: 500,
    ipForwardNs: 600,
    ipOutputNs: 700,
    conntrackNs: 400,
    ruleNs: 20,
    espPacketNs: 1500,
    espKibNs: 1000,
    socketDeliverNs: 800,
    systemCallNs: 2000,
    wakeUpNs: 15000,
  },
  ideal: {
    deviceTransmitNs: 0,
    deviceReceiveNs: 0,
    bridgeForwardNs: 0,
    vxlanEncapsulateNs: 0,
    vxlanDecapsulateNs: 0,
    ipReceiveNs: 0,
    ipForwardNs: 0,
    ipOutputNs: 0,
    conntrackNs: 0,
    ruleNs: 0,
    espPacketNs: 0,
    espKibNs: 0,
    socketDeliverNs: 0,
    systemCallNs: 0,
    wakeUpNs: 0,
  },
} as const satisfies Record<string, CostTable>;
