/**
 * Interface names that rules ask for (`eth0`, `br-+`, `! docker0`), each under a number, and for each
 * device which of them it passes: a walk compares numbers instead of names.
 */
import type { Device } from '../engine/device.ts';
import type { InterfaceTest } from './rule.ts';

/** What is known of the device with one ifindex. */
interface DeviceResults {
  /** The name for which the results hold; a device may be renamed, an ifindex used again. */
  readonly name: string;
  readonly results: Uint8Array;
}

export interface InterfaceTests {
  /** By number; 0 is the test that all pass. */
  readonly tests: InterfaceTest[];
  /** By ifindex; 0 stands for no device. */
  readonly devices: Array<DeviceResults | null>;
}

export function makeInterfaceTests(): InterfaceTests {
  return { tests: [{ name: '', isPrefix: true, isInverted: false }], devices: [] };
}

/** The number of a test, a new one if nobody asked for it before. */
export function numberOfTest(interfaces: InterfaceTests, test: InterfaceTest): number {
  const { tests } = interfaces;
  const found = tests.findIndex(
    (each) =>
      each.name === test.name &&
      each.isPrefix === test.isPrefix &&
      each.isInverted === test.isInverted,
  );
  return found >= 0 ? found : tests.push(test) - 1;
}

/** Forgets all tests; rules must get their numbers afresh. */
export function clearInterfaceTests(interfaces: InterfaceTests): void {
  interfaces.tests.length = 1;
  interfaces.devices.length = 0;
}

/** By number of the test: 1 if the device passes it, else 0. Null is no device: its name is empty. */
export function resultsOf(interfaces: InterfaceTests, device: Device | null): Uint8Array {
  const index = device === null ? 0 : device.index;
  const name = device === null ? '' : device.name;
  const known = interfaces.devices[index];
  if (known !== undefined && known !== null && known.name === name) {
    if (known.results.length === interfaces.tests.length) return known.results;
  }
  return compareAll(interfaces, index, name);
}

function compareAll(interfaces: InterfaceTests, index: number, name: string): Uint8Array {
  const results = Uint8Array.from(interfaces.tests, (test) => (passesTest(test, name) ? 1 : 0));
  while (interfaces.devices.length <= index) interfaces.devices.push(null);
  interfaces.devices[index] = { name, results };
  return results;
}

function passesTest(test: InterfaceTest, name: string): boolean {
  const isSame = test.isPrefix ? name.startsWith(test.name) : name === test.name;
  return isSame !== test.isInverted;
}
