/** What is left out of a state or policy. */
import { PROTOCOL_ESP } from '../../protocols/ipv4.ts';
import type { XfrmLimits, XfrmMark, XfrmSelector, XfrmTemplate } from './xfrm-record.ts';

export const NO_MARK: XfrmMark = { value: 0, mask: 0 };

export const ANY_SELECTOR: XfrmSelector = {
  source: 0,
  sourceLength: 0,
  target: 0,
  targetLength: 0,
  protocol: 0,
  sourcePort: 0,
  sourcePortMask: 0,
  targetPort: 0,
  targetPortMask: 0,
  deviceIndex: 0,
};

export const NO_LIMITS: XfrmLimits = {
  softBytes: Number.POSITIVE_INFINITY,
  hardBytes: Number.POSITIVE_INFINITY,
  softPackets: Number.POSITIVE_INFINITY,
  hardPackets: Number.POSITIVE_INFINITY,
  softAddSec: 0,
  hardAddSec: 0,
  softUseSec: 0,
  hardUseSec: 0,
};

export const ANY_TEMPLATE: XfrmTemplate = {
  source: 0,
  target: 0,
  protocol: PROTOCOL_ESP,
  spi: 0,
  reqid: 0,
  mode: 'transport',
  isOptional: false,
};
