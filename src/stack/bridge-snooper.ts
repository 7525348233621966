/**
 * What a bridge that goes up says of itself: it joins the group of all snooping switches and reports
 * that by IGMP, twice. Nobody answers, but hosts and switches along the way learn its address from it,
 * and a tunnel on the bridge asks for its remotes' addresses.
 * @source net/bridge/br_multicast.c br_multicast_join_snoopers(); net/ipv4/igmp.c igmp_ifc_event(),
 *   igmpv3_send_cr()
 */
import { nextBelow } from '../base/prng.ts';
import type { Device } from '../engine/device.ts';
import { takePacket } from '../engine/packet-pool.ts';
import { cancel, type Simulator, streamOf } from '../engine/simulator.ts';
import { makeTimer, type Timer } from '../engine/timer-queue.ts';
import { writeInt32, writeUint16 } from '../protocols/bytes.ts';
import { checksumOf } from '../protocols/checksum.ts';
import { IP_DF, IPV4_BYTES, PROTOCOL_IGMP, writeIpChecksum, writeIpv4 } from '../protocols/ipv4.ts';
import { inetOf } from './inet.ts';
import { armWheelTimer, HZ, jiffiesOf } from './jiffies.ts';
import { namespaceOf } from './namespace.ts';
import { localOut } from './output.ts';
import { RTN_MULTICAST } from './route-type.ts';

/** 224.0.0.22, where IGMPv3 reports go. */
const ALL_REPORTS = 0xe0000016 | 0;
/** 224.0.0.106 */
const ALL_SNOOPERS = 0xe000006a | 0;
/** @source IGMP_QRV */
const REPORTS = 2;
/**
 * The second report follows within this time. Unlike Linux, within a fifth of its second
 * (igmpv3_unsolicited_report_interval): setting up takes no time here, and what Linux sends while a
 * network is still being wired should be over here too when the traffic begins.
 */
const INTERVAL_JIFFIES = HZ / 5;
const ROUTER_ALERT = 0x94040000 | 0;
const IGMP_V3_REPORT = 0x22;
const CHANGE_TO_EXCLUDE = 4;
const IGMP_BYTES = 16;
const TOS_INTERNETCONTROL = 0xc0;

interface Reporter {
  readonly timer: Timer;
  left: number;
}

const reporters = new WeakMap<Device, Reporter>();

/** The bridge device has gone up. */
export function joinSnoopers(sim: Simulator, bridge: Device): void {
  const reporter = reporters.get(bridge) ?? makeReporter(sim, bridge);
  reporter.left = REPORTS;
  armWheelTimer(sim, reporter.timer, jiffiesOf(sim) + 2);
}

/** The bridge device has gone down. */
export function leaveSnoopers(sim: Simulator, bridge: Device): void {
  const reporter = reporters.get(bridge);
  if (reporter !== undefined) cancel(sim, reporter.timer);
}

function makeReporter(sim: Simulator, bridge: Device): Reporter {
  const reporter: Reporter = {
    left: 0,
    timer: makeTimer(bridge.netns.cpu, () => {
      report(sim, bridge);
      reporter.left--;
      if (reporter.left === 0) return;
      const wait = nextBelow(streamOf(sim, 'stack/igmp'), INTERVAL_JIFFIES);
      armWheelTimer(sim, reporter.timer, jiffiesOf(sim) + wait + 2);
    }),
  };
  reporters.set(bridge, reporter);
  return reporter;
}

/** @source igmpv3_newpack(), igmpv3_sendpack() */
function report(sim: Simulator, bridge: Device): void {
  const netns = namespaceOf(bridge);
  const headerBytes = IPV4_BYTES + 4;
  const totalBytes = headerBytes + IGMP_BYTES;
  const packet = takePacket(sim, totalBytes);
  const { bytes, start } = packet;
  const source = inetOf(bridge).addresses[0]?.address ?? 0;
  const igmp = start + headerBytes;
  packet.end = start + totalBytes;
  packet.network = start;
  packet.transport = igmp;
  bytes.fill(0, start, packet.end);
  writeIpv4(
    bytes,
    start,
    TOS_INTERNETCONTROL,
    totalBytes,
    0,
    IP_DF,
    1,
    PROTOCOL_IGMP,
    source,
    ALL_REPORTS,
  );
  bytes[start] = 0x46;
  writeInt32(bytes, start + IPV4_BYTES, ROUTER_ALERT);
  writeIpChecksum(bytes, start);
  bytes[igmp] = IGMP_V3_REPORT;
  writeUint16(bytes, igmp + 6, 1);
  bytes[igmp + 8] = CHANGE_TO_EXCLUDE;
  writeInt32(bytes, igmp + 12, ALL_SNOOPERS);
  writeUint16(bytes, igmp + 2, checksumOf(bytes, igmp, packet.end));
  packet.routeType = RTN_MULTICAST;
  packet.outDevice = bridge;
  packet.nextHop = ALL_REPORTS;
  packet.pathMtuBytes = bridge.mtuBytes;
  localOut(sim, netns, packet);
}
