/**
 * Makes the record of a security association, with the cipher that its algorithms ask for.
 * @source net/xfrm/xfrm_user.c xfrm_state_construct(); net/ipv4/esp4.c esp_init_state()
 */
import { KernelError } from '../../base/errors.ts';
import { nextInt32 } from '../../base/prng.ts';
import { streamOf, timeNs } from '../../engine/simulator.ts';
import { type EspCipher, makeGcmCipher } from '../../protocols/esp.ts';
import { PROTOCOL_ESP } from '../../protocols/ipv4.ts';
import type { NetNamespace } from '../namespace.ts';
import type { XfrmStateSpec } from './control.ts';
import { REPLAY_WINDOW_MAX } from './replay.ts';
import { headerBytesOf } from './transform.ts';
import { ANY_SELECTOR, NO_LIMITS, NO_MARK } from './xfrm-defaults.ts';
import type { SecPath, XfrmAlgorithm, XfrmState } from './xfrm-record.ts';

/** Lengths of an AES key with the four bytes of salt behind it. */
const GCM_KEY_BYTES = [20, 28, 36];
const GCM_ICV_BITS = [64, 96, 128];

/** @throws KernelError for an algorithm that the kernel does not have, or a key of the wrong length */
export function makeState(netns: NetNamespace, spec: XfrmStateSpec): XfrmState {
  const protocol = spec.protocol ?? PROTOCOL_ESP;
  if (protocol !== PROTOCOL_ESP) throw new KernelError('EPROTONOSUPPORT');
  const aead = spec.algorithms.find((algorithm) => algorithm.kind === 'aead');
  if (aead === undefined) throw unknownAlgorithm(spec.algorithms);
  return makeStateRecord(netns, spec, makeCipher(netns, aead));
}

/** The first algorithm that is not there, in the order in which the kernel looks at them. */
function unknownAlgorithm(algorithms: readonly XfrmAlgorithm[]): KernelError {
  const isAuth = algorithms.some(({ kind }) => kind === 'auth' || kind === 'auth-trunc');
  return new KernelError('ENOSYS', `Requested ${isAuth ? 'AUTH' : 'CRYPT'} algorithm not found.`);
}

/**
 * Unlike Linux, one cipher is known: rfc4106(gcm(aes)), with keys of 128, 192 and 256 bits.
 * @source crypto/gcm.c crypto_rfc4106_setkey(); crypto/seqiv.c seqiv_aead_encrypt()
 */
function makeCipher(netns: NetNamespace, aead: XfrmAlgorithm): EspCipher {
  if (aead.name !== 'rfc4106(gcm(aes))') {
    throw new KernelError('ENOSYS', 'Requested AEAD algorithm not found.');
  }
  const { key, icvBits } = aead;
  if (!GCM_KEY_BYTES.includes(key.length) || !GCM_ICV_BITS.includes(icvBits)) {
    throw new KernelError('EINVAL', 'Kernel was unable to initialize cryptographic operations');
  }
  const stream = streamOf(netns.sim, 'stack/xfrm');
  return makeGcmCipher(key, icvBits / 8, nextInt32(stream), nextInt32(stream));
}

/** The record alone; `cipher` null: a larval state. */
export function makeStateRecord(
  netns: NetNamespace,
  spec: XfrmStateSpec,
  cipher: EspCipher | null,
): XfrmState {
  const mode = spec.mode ?? 'transport';
  const state: XfrmState = {
    source: spec.source,
    target: spec.target,
    protocol: spec.protocol ?? PROTOCOL_ESP,
    spi: spec.spi >>> 0,
    reqid: spec.reqid ?? 0,
    mode,
    mark: spec.mark ?? NO_MARK,
    outputMark: spec.outputMark ?? null,
    selector: { ...ANY_SELECTOR, ...spec.selector },
    limits: { ...NO_LIMITS, ...spec.limits },
    expiry: null,
    algorithms: spec.algorithms,
    flags: spec.flags ?? 0,
    sequence: spec.sequence ?? 0,
    cipher,
    headerBytes: cipher === null ? 0 : headerBytesOf(mode, cipher.ivBytes),
    use: { bytes: 0, packets: 0, addedNs: timeNs(netns.sim), usedNs: -1 },
    lastUsedNs: -1,
    replayWindow: Math.min(spec.replayWindow ?? 0, REPLAY_WINDOW_MAX),
    sequenceIn: spec.sequenceIn ?? 0,
    sequenceOut: spec.sequenceOut ?? 0,
    replayBitmap: 0,
    replayCount: 0,
    windowMissCount: 0,
    integrityFailedCount: 0,
    isAlive: true,
    path: null as unknown as SecPath, // set in the next line: a path needs its state
  };
  (state as { path: SecPath }).path = {
    slot: 'sec-path',
    state,
    before: null,
    count: 1,
    longer: [],
  };
  return state;
}
