/**
 * Whether a next hop can be: its device is there and up, its gateway is on a link.
 * @source net/ipv4/fib_semantics.c fib_check_nh(), fib_valid_prefsrc()
 */
import { type Errno, KernelError } from '../base/errors.ts';
import type { Device } from '../engine/device.ts';
import type { NextHopSpec, RouteSpec } from './fib.ts';
import {
  addressType,
  FIB_BLACKHOLE,
  FIB_FOUND,
  FIB_PROHIBITED,
  FIB_UNREACHABLE,
  type Fib,
  lookup,
  lookupIn,
  setKey,
} from './fib-lookup.ts';
import type { NextHop } from './fib-table.ts';
import type { NetNamespace } from './namespace.ts';
import {
  RTN_LOCAL,
  RTN_UNICAST,
  SCOPE_HOST,
  SCOPE_LINK,
  SCOPE_NOWHERE,
  TABLE_MAIN,
} from './route-type.ts';

const BAD_GATEWAY = 'Nexthop has invalid gateway';

/** The next hops of a route that is to be made. @throws KernelError */
export function checkedNextHops(
  netns: NetNamespace,
  specs: readonly NextHopSpec[],
  scope: number,
  table: number,
): NextHop[] {
  if (scope === SCOPE_HOST) {
    if (specs.length !== 1) {
      throw new KernelError('EINVAL', 'Route with host scope can not have multiple nexthops');
    }
    const { device = null, gateway = 0 } = specs[0]!;
    if (gateway !== 0) {
      throw new KernelError('EINVAL', 'Route with host scope can not have a gateway');
    }
    if (device === null) throw new KernelError('ENODEV');
    return [makeNextHop(device, 0, SCOPE_NOWHERE, 1, false)];
  }
  return specs.map((spec) => {
    if ((spec.gateway ?? 0) === 0) return checkedLink(spec);
    if (spec.isOnlink === true) return checkedOnlink(netns.fib, spec, scope);
    return checkedGateway(netns.fib, spec, scope, table);
  });
}

/** @throws KernelError EINVAL "Invalid prefsrc address" */
export function checkPreferredSource(netns: NetNamespace, spec: RouteSpec, type: number): void {
  const { preferredSource = 0, prefix } = spec;
  if (preferredSource === 0) return;
  if (type === RTN_LOCAL && preferredSource === prefix) return;
  if (addressType(netns.fib, preferredSource, null) === RTN_LOCAL) return;
  throw new KernelError('EINVAL', 'Invalid prefsrc address');
}

/** @source fib_check_nh_nongw() */
function checkedLink(spec: NextHopSpec): NextHop {
  if (spec.isOnlink === true) {
    const words = 'Invalid flags for nexthop - PERVASIVE and ONLINK can not be set';
    throw new KernelError('EINVAL', words);
  }
  const { device = null } = spec;
  if (device === null) throw new KernelError('ENODEV');
  if (!device.isUp) throw new KernelError('ENETDOWN', 'Device for nexthop is not up');
  return makeNextHop(device, 0, SCOPE_HOST, spec.weight ?? 1, false);
}

/** @source fib_check_nh_v4_gw() with RTNH_F_ONLINK */
function checkedOnlink(fib: Fib, spec: NextHopSpec, scope: number): NextHop {
  const { device = null, gateway = 0 } = spec;
  if (scope >= SCOPE_LINK) throw new KernelError('EINVAL', 'Nexthop has invalid scope');
  if (device === null) throw new KernelError('ENODEV', 'Nexthop device required for onlink');
  if (!device.isUp) throw new KernelError('ENETDOWN', 'Nexthop device is not up');
  if (addressType(fib, gateway, null) !== RTN_UNICAST) throw new KernelError('EINVAL', BAD_GATEWAY);
  return makeNextHop(device, gateway, SCOPE_LINK, spec.weight ?? 1, true);
}

/** @source fib_check_nh_v4_gw() */
function checkedGateway(fib: Fib, spec: NextHopSpec, scope: number, tableId: number): NextHop {
  if (scope >= SCOPE_LINK) throw new KernelError('EINVAL', 'Nexthop has invalid scope');
  const { device = null, gateway = 0 } = spec;
  const { key, result } = fib;
  setKey(fib, gateway, 0, 0, 0, null, device);
  key.scope = Math.max(scope + 1, SCOPE_LINK);
  key.ignoresLinkState = true;
  const table = tableId === TABLE_MAIN ? undefined : fib.tables.get(tableId);
  let outcome = table === undefined ? -1 : lookupIn(fib, table);
  if (outcome !== FIB_FOUND) outcome = lookup(fib);
  if (outcome !== FIB_FOUND) throw new KernelError(errnoOf(outcome), BAD_GATEWAY);
  const { type, scope: foundScope } = result.route!;
  if (type !== RTN_UNICAST && type !== RTN_LOCAL) throw new KernelError('EINVAL', BAD_GATEWAY);
  const out = result.nextHop!.device;
  if (out === null) throw new KernelError('EINVAL', 'No egress device for nexthop gateway');
  if (!out.isUp) throw new KernelError('ENETDOWN');
  return makeNextHop(out, gateway, foundScope, spec.weight ?? 1, false);
}

/** What a failed lookup means for a system call. */
export function errnoOf(outcome: number): Errno {
  switch (outcome) {
    case FIB_UNREACHABLE:
      return 'EHOSTUNREACH';
    case FIB_PROHIBITED:
      return 'EACCES';
    case FIB_BLACKHOLE:
      return 'EINVAL';
    default:
      return 'ENETUNREACH';
  }
}

function makeNextHop(
  device: Device,
  gateway: number,
  scope: number,
  weight: number,
  isOnlink: boolean,
): NextHop {
  return {
    device,
    gateway,
    scope,
    weight,
    isOnlink,
    isDead: false,
    source: 0,
    sourceGeneration: -1,
  };
}
